import { invalidArgument, PortsError } from '@ports/core'
import { type DatabaseOptions, databaseUrl } from './databaseUrl.js'
import { type EmbeddedStatus, embeddedStatus, stop } from './embedded/embeddedPostgres.js'
import { prepareEmbedded } from './management.js'
import { readSchemaState, type SchemaState } from './migrate.js'
import { openManagementPool } from './openPool.js'
import { shownUrl } from './postgresUrl.js'
import type { RegistryPool } from './RegistryPool.js'
import { readSetting } from './settings/readSettings.js'
import { translate } from './sqlState.js'

export interface DatabaseStatus extends Partial<EmbeddedStatus> {
  readonly kind: 'embedded' | 'external'
  readonly running: boolean
  readonly serverVersion?: string
  readonly schema?: SchemaState
  /** The sessions of the whole server. */
  readonly sessions?: Sessions
  /** The URL of an external server, with its password masked. */
  readonly url?: string
}

interface Sessions {
  /** The sessions of all clients except the one that asks. */
  readonly open: number
  /** A caller waits for its turn while this many sessions are open. */
  readonly limit: number
}

/**
 * Returns which database holds the registry, and its state. Starts nothing.
 * @throws {PortsError} `DATABASE_UNAVAILABLE` for an external server that cannot be reached
 */
export async function databaseStatus(options: DatabaseOptions = {}): Promise<DatabaseStatus> {
  const url = databaseUrl(options)
  if (url !== undefined) {
    const state = await withPool(options, async (pool) => ({
      sessions: await countSessionsOfAll(pool),
      ...(await readServer(pool)),
    }))
    return { kind: 'external', running: true, url: shownUrl(url), ...state }
  }
  const status = await embeddedStatus()
  if (!status.running) return { kind: 'embedded', ...status }
  const state = await withPool(options, async (pool) => ({
    sessions: await countSessions(pool),
    ...(await readServer(pool)),
  }))
  return { kind: 'embedded', ...status, ...state }
}

async function readServer(pool: RegistryPool) {
  const { rows } = await pool.query(
    `select pg_catalog.current_setting('server_version') as version`,
  )
  return { serverVersion: String(rows[0].version), schema: await readSchemaState(pool) }
}

/**
 * Does not count sessions that the server has not admitted yet. A session that is refused because
 * the server is full has the state `starting` until then (PostgreSQL 18 and later; earlier versions
 * do not show it).
 */
async function countSessions(pool: RegistryPool): Promise<Sessions> {
  const { rows } = await pool.query<Sessions>(
    `select
       (
         select count(*)
         from pg_catalog.pg_stat_activity
         where backend_type = 'client backend'
           and state is distinct from 'starting'
           and pid <> pg_catalog.pg_backend_pid()
       )::integer as open,
       pg_catalog.current_setting('max_connections')::integer
         - pg_catalog.current_setting('superuser_reserved_connections')::integer as limit`,
  )
  return rows[0]!
}

/**
 * A role that is not a superuser cannot see which sessions of other roles belong to clients, so
 * this also counts those of replicas.
 */
async function countSessionsOfAll(pool: RegistryPool): Promise<Sessions> {
  const { rows } = await pool.query<Sessions>(
    `select
       (select sum(numbackends) from pg_catalog.pg_stat_database)::integer - 1 as open,
       pg_catalog.current_setting('max_connections')::integer
         - pg_catalog.current_setting('superuser_reserved_connections')::integer as limit`,
  )
  return rows[0]!
}

async function withPool<Result>(
  options: DatabaseOptions,
  ask: (pool: RegistryPool) => Promise<Result>,
): Promise<Result> {
  const pool = await openManagementPool({ ...options, create: false, start: stoppedMeanwhile })
  try {
    return await ask(pool)
  } catch (error) {
    throw translate(error, { write: false })
  } finally {
    await pool.end()
  }
}

async function stoppedMeanwhile(): Promise<never> {
  throw new PortsError(
    'DATABASE_UNAVAILABLE',
    'The embedded database has stopped in the meantime. Nothing was changed. Ask again.',
  )
}

/** Starts the embedded server and makes it ready for use, as the first call would. */
export async function startDatabase(options: DatabaseOptions = {}): Promise<DatabaseStatus> {
  refuseExternal(options)
  await prepareEmbedded(options)
  return databaseStatus(options)
}

/** Stops the embedded server. The next call starts it again. False if it was not running. */
export async function stopDatabase(options: DatabaseOptions = {}): Promise<boolean> {
  refuseExternal(options)
  return stop(options.notify ?? (() => {}))
}

function refuseExternal(options: DatabaseOptions): void {
  const url = databaseUrl(options)
  if (url === undefined) return
  const { source, from } = readSetting('databaseUrl')
  throw invalidArgument(
    source === 'environment' ? String(from) : 'databaseUrl',
    shownUrl(url),
    `unset${source === 'file' ? ` in ${from}` : ''} to start or stop the embedded database; ` +
      'ports does not start or stop a server of your own',
  )
}
