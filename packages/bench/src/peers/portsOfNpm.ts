import { createRequire } from 'node:module'
import { join } from 'node:path'
import { nodeCaller, type Peer, peerEnvironment } from './Peer.js'

/** @param installation the directory in which npm installed it */
export function portsOfNpm(installation: string): Peer {
  return {
    name: 'npm `ports`',
    promise: 'by name, in a file',
    guarantees:
      'One port per service name, the same at every call if callers take turns, in a JSON file that is ' +
      'replaced by renaming. It has no lock, and does not check whether a port is free.',
    hasNames: true,
    async open(directory) {
      const env = peerEnvironment(directory, { INSTALLATION: installation })
      return {
        program: (service) => ({
          command: process.execPath,
          args: ['-e', `console.log(require('ports').getPort(process.argv[1]))`, service],
          env,
          cwd: installation,
        }),
        caller: () => nodeCaller(import.meta.url, env),
        async [Symbol.asyncDispose]() {},
      }
    },
  }
}

/** Called by the process of a caller. */
export async function createClient() {
  const require = createRequire(join(process.env.INSTALLATION!, 'package.json'))
  const ports = require('ports')
  return async (service: string) => ports.getPort(service)
}
