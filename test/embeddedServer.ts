import { type DatabaseStatus, startDatabase, stopDatabase } from '../packages/db/src/index.js'
import type { TestServer } from './server.js'

/** The server that the registry brings itself, in that home. */
export async function startEmbedded(home: string): Promise<TestServer> {
  const status: DatabaseStatus = await startDatabase()
  return {
    socketDirectory: status.socketDirectory!,
    stop: async () => {
      process.env.PORTS_HOME = home
      await stopDatabase()
    },
  }
}
