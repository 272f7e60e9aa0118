import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Daemon } from './Daemon.mjs'

const SERVER = '/usr/bin/portserver'
/** Debian's own: the package's module is not on the path of any other. */
const PYTHON = '/usr/bin/python3'
const CALLER = fileURLToPath(new URL('caller.py', import.meta.url))

/** @type {import('./Peer.mjs').Peer} */
export const portserver = {
  name: "Google's portserver",
  keeps: 'unique while the asker lives',
  guarantees:
    'A number that no other living process holds and that nothing is bound to, TCP and UDP, at the ' +
    'moment; held until the process it was asked for ends. In memory; it knows processes, no names.',
  hasNames: false,
  async open(directory, { signal }) {
    if (!existsSync(SERVER)) {
      throw new Error('not installed: apt-get install python3-portpicker')
    }
    const socket = join(directory, 'portserver')
    const env = { PATH: process.env.PATH, HOME: directory, PORTSERVER_ADDRESS: socket }
    const daemon = new Daemon(
      () => [
        SERVER,
        [
          ...['--portserver_static_pool', '10000-29999'],
          ...['--portserver_unix_socket_address', socket],
        ],
        { env, signal },
      ],
      () => accepts(socket),
    )
    await daemon.start()
    return {
      // As a shell script would: in the name of a process that lives on.
      program: () => ({ command: PYTHON, args: ['-m', 'portpicker', `${process.pid}`], env }),
      caller: () => ({ command: PYTHON, args: [CALLER], env }),
      killAllocator: () => daemon.kill(),
      crashes: () => daemon.crashes,
      close: () => daemon.stop(),
    }
  },
}

function accepts(path) {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}
