import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

/** Excludes these queries from the limits that a test sets for others. */
const WITHOUT_LIMITS =
  '-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0'
/** A query that needs a lock rarely succeeds while a torture injects faults. */
const RETRY_TIMEOUT_MS = 300_000
const CLOSE_TIMEOUT_MS = 2_000

/** A PostgreSQL server that is started for a test, in a directory of its own. */
export abstract class Server {
  dataDirectory = ''
  socketDirectory = ''
  version = ''

  abstract start(): Promise<void>

  /** Can be called after a failed start as well. */
  abstract stop(): Promise<void>

  /** The URL of the database `postgres`, for the superuser. */
  get url() {
    return databaseUrlOn(this.socketDirectory, 'postgres')
  }

  get logPath() {
    return join(dirname(this.dataDirectory), 'postgres.log')
  }

  get connection(): pg.ClientConfig {
    return {
      host: this.socketDirectory,
      port: 5432,
      user: 'ports',
      database: 'postgres',
      application_name: 'testkit',
      options: WITHOUT_LIMITS,
      connectionTimeoutMillis: 10_000,
    }
  }

  /** Opens a new connection each time, because the last one may be broken. */
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
   * Starts the server if it is not running and callers are supposed to start it. Near the end of a
   * run there may be no callers.
   */
  async startAgain() {}

  /** Repeats the query until it succeeds. */
  async retry(text: string, values?: unknown[]) {
    const giveUpAt = performance.now() + RETRY_TIMEOUT_MS
    for (;;) {
      try {
        return await this.query(text, values)
      } catch (error) {
        if (performance.now() > giveUpAt) throw error
        await this.startAgain().catch(() => {})
        await sleep(100)
      }
    }
  }

  /** Returns undefined if no server runs. A file of a dead server may name another process. */
  postmasterPid() {
    const text = textOf(join(this.dataDirectory, 'postmaster.pid'))
    const pid = Number.parseInt(text, 10)
    return pid > 0 && commandOf(pid).includes(this.dataDirectory) ? pid : undefined
  }

  /** Returns whether the postmaster was running. */
  killPostmaster() {
    try {
      const pid = this.postmasterPid()
      return pid !== undefined && process.kill(pid, 'SIGKILL')
    } catch {
      // The process has just ended.
      return false
    }
  }
}

/** The URL of a database of a test server, for its superuser. */
export function databaseUrlOn(socketDirectory: string, database: string): string {
  return `postgresql://ports@localhost/${database}?host=${encodeURIComponent(socketDirectory)}`
}

/** Closes the connection. A broken one may never confirm that. */
export async function close(client: pg.Client) {
  const timeout = sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })
  await Promise.race([client.end().catch(() => {}), timeout])
}

/** Returns the command line, empty if the process has ended. */
function commandOf(pid: number) {
  if (process.platform !== 'linux') {
    return spawnSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)]).stdout.toString()
  }
  return textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')
}

/** Returns an empty string if the file does not exist. */
function textOf(file: string) {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return ''
    throw error
  }
}
