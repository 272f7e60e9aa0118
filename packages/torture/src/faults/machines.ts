import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { now } from '../workload.js'
import { between, type Fault, type Scene } from './Fault.js'

/** Has PIDs, IPC and mounts of its own; every process in it ends with it. */
const CONTAINER = 'unshare --pid --ipc --mount --fork --mount-proc --kill-child'.split(' ')

export const machines: Fault[] = [
  {
    name: 'second-machine',
    what: 'a worker on another machine that has the same registry home: it cannot see the server and must not start a second one, unless the first has ended',
    weight: 2,
    missing,
    needs: 'embedded',
    inject: joinFromElsewhere,
  },
]

function missing() {
  const [program = '', ...args] = [...CONTAINER, 'true']
  return spawnSync(program, args).status === 0
    ? undefined
    : 'needs root on Linux, to unshare namespaces: run it with sudo'
}

async function joinFromElsewhere({ workers, server, pause }: Scene) {
  const wasRunning = server.postmasterPid() !== undefined
  const { uid } = statSync(server.dataDirectory)
  // Hides the socket's directory, because nobody can connect to the sockets of another kernel.
  const hide = `mount -t tmpfs -o mode=0700,uid=${uid} none "$0" && exec "$@"`
  // Longer than a caller waits for a server elsewhere to end.
  const lastsMs = between(12_000, 15_000)
  const worker = workers.start({
    lanes: 4,
    url: undefined,
    environment: {},
    until: now() + lastsMs * 1_000,
    through: [...CONTAINER, 'sh', '-c', hide, server.socketDirectory],
  })
  const ended = new Promise((resolve) => worker.once('exit', resolve))
  await pause(lastsMs)
  workers.kill(worker)
  await ended
  return wasRunning
}
