import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Daemon } from './Daemon.js'
import { type Peer, peerEnvironment } from './Peer.js'

const SERVER = '/usr/bin/portserver'
/** Debian's own Python, the only one that finds the package's module. */
const PYTHON = '/usr/bin/python3'
const CALLER = fileURLToPath(new URL('../../peers/caller.py', import.meta.url))

export const portserver: Peer = {
  name: "Google's portserver",
  promise: 'unique while the asker lives',
  guarantees:
    'A number that no other living process holds and that nothing is bound to at that moment, TCP ' +
    'and UDP, held until the process that it was asked for exits. It keeps them in memory, and knows ' +
    'no names.',
  hasNames: false,
  async open(directory, signal) {
    if (!existsSync(SERVER)) throw new Error('not installed: apt-get install python3-portpicker')
    const socket = join(directory, 'portserver')
    const env = peerEnvironment(directory, { PORTSERVER_ADDRESS: socket })
    const args = [
      ...['--portserver_static_pool', '10000-29999'],
      ...['--portserver_unix_socket_address', socket],
    ]
    const daemon = await Daemon.start({ command: SERVER, args, env }, () => accepts(socket), signal)
    return {
      // Like a shell script, it asks on behalf of a process that continues.
      program: () => ({ command: PYTHON, args: ['-m', 'portpicker', `${process.pid}`], env }),
      caller: () => ({ command: PYTHON, args: [CALLER], env }),
      killAllocator: () => daemon.kill(),
      crashes: () => daemon.crashes,
      [Symbol.asyncDispose]: () => daemon.stop(),
    }
  },
}

function accepts(path: string) {
  return new Promise<boolean>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
