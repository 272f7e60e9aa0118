import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Daemon } from './Daemon.mjs'
import { nodeCaller } from './Peer.mjs'

/** @returns {import('./Peer.mjs').Peer} from npm, installed in that directory */
export function portRegistry(installation, sqliteMissing) {
  const file = (name) => join(installation, 'node_modules/port-registry/src', name)
  return {
    name: 'port-registry',
    keeps: 'by name, unique, fsynced',
    guarantees:
      'One port per service name, the same at every call, unique by a constraint of its SQLite ' +
      'file and free to bind at the moment it is given, held until it is released.',
    hasNames: true,
    async open(directory, { signal }) {
      if (sqliteMissing) throw new Error(`SQLite could not be compiled: ${sqliteMissing}`)
      const port = await freePort()
      const url = `http://127.0.0.1:${port}`
      const env = { PATH: process.env.PATH, HOME: directory, PORT_REGISTRY_URL: url }
      const daemon = new Daemon(
        () => [
          process.execPath,
          [file('api.js')],
          { env: { ...env, PORT: `${port}` }, cwd: directory, signal },
        ],
        () =>
          fetch(`${url}/health`, { signal }).then(
            ({ ok }) => ok,
            () => false,
          ),
      )
      await daemon.start()
      return {
        program: (service) => ({
          command: process.execPath,
          args: [file('cli.js'), 'allocate', service],
          env,
        }),
        caller: () => nodeCaller(import.meta.url, env),
        killAllocator: () => daemon.kill(),
        crashes: () => daemon.crashes,
        close: () => daemon.stop(),
      }
    },
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

/** Inside a caller: its API, as its README has it. */
export async function createClient() {
  const url = `${process.env.PORT_REGISTRY_URL}/allocate`
  return async (service) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ service }),
      signal: AbortSignal.timeout(10_000),
    })
    const { port, error } = await response.json()
    if (error) throw new Error(error)
    return port
  }
}
