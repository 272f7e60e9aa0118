import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { nodeCaller } from './Peer.mjs'

/** @returns {import('./Peer.mjs').Peer} from npm, installed in that directory */
export function getPort(installation) {
  return {
    name: 'get-port',
    keeps: 'free at that moment',
    guarantees:
      'A number that nothing was bound to at the moment, and that the same process is not told ' +
      'again within 15 s. It keeps nothing, and knows no names and no other processes.',
    hasNames: false,
    async open(directory) {
      const env = { PATH: process.env.PATH, HOME: directory, INSTALLATION: installation }
      const script = `import getPort from 'get-port'; console.log(await getPort())`
      return {
        program: () => ({
          command: process.execPath,
          args: ['--input-type=module', '-e', script],
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
  const file = join(process.env.INSTALLATION, 'node_modules/get-port/index.js')
  const { default: getPort } = await import(pathToFileURL(file))
  return () => getPort()
}
