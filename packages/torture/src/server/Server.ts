import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { ServerLog } from './ServerLog.js'

/** Whoever asks for the run's own purposes is not to be hit by the limits that it sets for others. */
const WITHOUT_LIMITS =
  '-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0'
const PATIENCE_MS = 60_000
const GOODBYE_MS = 2_000

/** The PostgreSQL that the run tortures, in a directory of its own. */
export class Server {
  dataDirectory: string
  socketDirectory: string
  log
  version = ''
  /** How workers find it; undefined where they find, and start, it by themselves. */
  url: string | undefined

  constructor(dataDirectory: string, socketDirectory: string) {
    this.dataDirectory = dataDirectory
    this.socketDirectory = socketDirectory
    this.log = new ServerLog(join(dirname(dataDirectory), 'postgres.log'))
  }

  get connection(): pg.ClientConfig {
    return {
      host: this.socketDirectory,
      port: 5432,
      user: 'ports',
      database: 'postgres',
      application_name: 'torture',
      options: WITHOUT_LIMITS,
      connectionTimeoutMillis: 10_000,
    }
  }

  /** On a connection of its own, for the last one may be dead. */
  async client() {
    const client = new pg.Client(this.connection)
    client.on('error', () => {})
    await client.connect()
    return client
  }

  async query(text: string, values?: unknown[]) {
    return this.with(async (client) => (await client.query(text, values)).rows)
  }

  async with<Result>(work: (client: pg.Client) => Promise<Result>) {
    const client = await this.client()
    try {
      return await work(client)
    } finally {
      await close(client)
    }
  }

  /**
   * Starts it where it does not run, if that is for those who call the registry to do. Near the end
   * of a run nobody else may be calling any more.
   */
  async startAgain() {}

  /** Repeated until it is answered. */
  async insist(text: string) {
    const giveUpAt = performance.now() + PATIENCE_MS
    for (;;) {
      try {
        return await this.query(text)
      } catch (error) {
        if (performance.now() > giveUpAt) throw error
        await this.startAgain().catch(() => {})
        await sleep(100)
      }
    }
  }

  /** Undefined where none runs. A file left by a dead server may name somebody else's process. */
  postmasterPid() {
    const text = textOf(join(this.dataDirectory, 'postmaster.pid'))
    const pid = Number.parseInt(text, 10)
    return pid > 0 && commandOf(pid).includes(this.dataDirectory) ? pid : undefined
  }

  /** True if it was there. */
  killPostmaster() {
    try {
      const pid = this.postmasterPid()
      return pid !== undefined && process.kill(pid, 'SIGKILL')
    } catch {
      // It ended in between.
      return false
    }
  }
}

/** The goodbye of a connection that broke at the wrong moment may never be answered. */
export async function close(client: pg.Client) {
  const patience = sleep(GOODBYE_MS, undefined, { ref: false })
  await Promise.race([client.end().catch(() => {}), patience])
}

/** The command line; empty for a process that is gone. */
function commandOf(pid: number) {
  if (process.platform !== 'linux') {
    return spawnSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)]).stdout.toString()
  }
  return textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
}

/** Empty for a file that is gone, be it since a moment ago. */
function textOf(file: string) {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return ''
    throw error
  }
}
