import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { Daemon } from './Daemon.js'
import { nodeCaller, type Peer, peerEnvironment } from './Peer.js'

/** @param installation the directory in which npm installed it */
export function portRegistry(installation: string, sqliteMissing: string | undefined): Peer {
  const file = (name: string) => join(installation, 'node_modules/port-registry/src', name)
  return {
    name: 'port-registry',
    promise: 'by name, unique, fsynced',
    guarantees:
      'One port per service name, the same at every call, unique by a constraint of its SQLite ' +
      'file and free to bind at the moment it is given, held until it is released.',
    hasNames: true,
    async open(directory, signal) {
      if (sqliteMissing !== undefined) {
        throw new Error(`SQLite could not be compiled: ${sqliteMissing}`)
      }
      const port = await freePort()
      const url = `http://127.0.0.1:${port}`
      const env = peerEnvironment(directory, { PORT_REGISTRY_URL: url })
      const daemon = await Daemon.start(
        {
          command: process.execPath,
          args: [file('api.js')],
          env: { ...env, PORT: `${port}` },
          cwd: directory,
        },
        () =>
          fetch(`${url}/health`, { signal }).then(
            ({ ok }) => ok,
            () => false,
          ),
        signal,
      )
      return {
        program: (service) => ({
          command: process.execPath,
          args: [file('cli.js'), 'allocate', service],
          env,
        }),
        caller: () => nodeCaller(import.meta.url, env),
        killAllocator: () => daemon.kill(),
        crashes: () => daemon.crashes,
        [Symbol.asyncDispose]: () => daemon.stop(),
      }
    },
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Called by the process of a caller. Uses the API as its README describes it. */
export async function createClient() {
  const url = `${process.env.PORT_REGISTRY_URL}/allocate`
  return async (service: string) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ service }),
      signal: AbortSignal.timeout(10_000),
    })
    const { port, error } = (await response.json()) as { port: number; error?: string }
    if (error) throw new Error(error)
    return port
  }
}
