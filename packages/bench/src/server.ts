import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { databaseStatus, startDatabase, stopDatabase } from '@ports/db'
import { ManualServer } from './ManualServer.js'
import type { Options } from './options.js'

/** The server that everything is measured on. */
export interface Server {
  /** Returns the URL of a database from which others can be created. */
  start(): Promise<string>
  /** Removes all of the server, also if its start failed. */
  stop(): Promise<void>
}

export function chooseServer({ server, postgres }: Options, home: string): Server {
  if (server !== undefined) return { start: async () => server, stop: async () => {} }
  return postgres === undefined ? embeddedServer() : serverFrom(postgres, home)
}

function embeddedServer(): Server {
  return {
    async start() {
      const { socketDirectory } = await startDatabase({ notify: () => {} })
      return `postgresql://ports@localhost/postgres?host=${encodeURIComponent(socketDirectory!)}`
    },
    async stop() {
      await stopDatabase()
      const { dataDirectory } = await databaseStatus()
      if (dataDirectory) rmSync(dirname(dataDirectory), { recursive: true, force: true })
    },
  }
}

function serverFrom(programs: string, home: string): Server {
  const account = process.getuid?.() === 0 ? accountOfPostgres() : undefined
  const initdb = ['--auth', 'trust']
  const server = new ManualServer(join(home, 'server'), { programs, account, initdb })
  return {
    async start() {
      server.create()
      return server.url
    },
    stop: async () => server.stop(),
  }
}

/** The account that comes with the programs. */
function accountOfPostgres() {
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, 'postgres'])))
  return { uid: uid!, gid: gid! }
}
