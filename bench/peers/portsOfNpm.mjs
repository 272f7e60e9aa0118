import { createRequire } from 'node:module'
import { join } from 'node:path'
import { nodeCaller } from './Peer.mjs'

/** @returns {import('./Peer.mjs').Peer} from npm, installed in that directory */
export function portsOfNpm(installation) {
  return {
    name: 'npm `ports`',
    keeps: 'by name, in a file',
    guarantees:
      'One port per service name, the same at every call of one caller after another; a JSON file, ' +
      'replaced by renaming. It has no lock, and does not look whether a port is free.',
    hasNames: true,
    async open(directory) {
      const env = { PATH: process.env.PATH, HOME: directory, INSTALLATION: installation }
      return {
        program: (service) => ({
          command: process.execPath,
          args: ['-e', `console.log(require('ports').getPort(process.argv[1]))`, service],
          env,
          cwd: installation,
        }),
        caller: () => nodeCaller(import.meta.url, env),
        crashes: () => 0,
        close: async () => {},
      }
    },
  }
}

/** Inside a caller. */
export async function createClient() {
  const require = createRequire(join(process.env.INSTALLATION, 'package.json'))
  const ports = require('ports')
  return async (service) => ports.getPort(service)
}
