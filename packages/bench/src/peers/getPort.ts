import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { nodeCaller, type Peer, peerEnvironment } from './Peer.js'

/** @param installation the directory in which npm installed it */
export function getPort(installation: string): Peer {
  return {
    name: 'get-port',
    promise: 'free at that moment',
    guarantees:
      'A number that nothing was bound to at that moment, and that the same process does not get ' +
      'again within 15 s. It keeps nothing, and knows no names and no other processes.',
    hasNames: false,
    async open(directory) {
      const env = peerEnvironment(directory, { INSTALLATION: installation })
      const script = `import getPort from 'get-port'; console.log(await getPort())`
      return {
        program: () => ({
          command: process.execPath,
          args: ['--input-type=module', '-e', script],
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
  const file = join(process.env.INSTALLATION!, 'node_modules/get-port/index.js')
  const { default: getPort } = await import(pathToFileURL(file).href)
  return () => getPort()
}
