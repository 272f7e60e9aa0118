import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { now } from '../workload.js'
import { between, type Fault, type FaultContext } from './Fault.js'

/** A container with its own PIDs, IPC and mounts. Its processes end with it. */
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

async function joinFromElsewhere({ workers, server, pause }: FaultContext) {
  const wasRunning = server.postmasterPid() !== undefined
  const { uid } = statSync(server.dataDirectory)
  // Hides the socket directory, because sockets of another kernel cannot be reached.
  const hide = `mount -t tmpfs -o mode=0700,uid=${uid} none "$0" && exec "$@"`
  // Longer than callers wait for a server on another machine to end.
  const lastsMs = between(12_000, 15_000)
  const worker = workers.start({
    concurrency: 4,
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
