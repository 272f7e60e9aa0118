import { invalidArgument } from '@ports/core'
import type pg from 'pg'
import { type DatabaseOptions, databaseUrl, shownUrl } from './databaseUrl.js'
import { type EmbeddedStatus, embeddedStatus, stop } from './embedded/embeddedPostgres.js'
import { readSchemaState, type SchemaState } from './migrate.js'
import { openPool } from './openPool.js'
import { openRepository } from './openRepository.js'
import { translate } from './sqlState.js'

export interface DatabaseStatus extends Partial<EmbeddedStatus> {
  readonly kind: 'embedded' | 'external'
  readonly running: boolean
  readonly serverVersion?: string
  readonly schema?: SchemaState
  /** Of an external server, its password masked. */
  readonly url?: string
}

/**
 * Which database the registry is in and how it is. Starts nothing.
 * @throws {PortsError} `DATABASE_UNAVAILABLE` for an external server that cannot be reached
 */
export async function databaseStatus(options: DatabaseOptions = {}): Promise<DatabaseStatus> {
  const url = databaseUrl(options)
  if (url !== undefined) {
    const state = await askServer(options)
    return { kind: 'external', running: true, url: shownUrl(url), ...state }
  }
  const status = await embeddedStatus()
  return { kind: 'embedded', ...status, ...(status.running && (await askServer(options))) }
}

async function askServer(options: DatabaseOptions) {
  const pool: pg.Pool = await openPool(options)
  try {
    const { rows } = await pool.query(
      `select pg_catalog.current_setting('server_version') as version`,
    )
    return { serverVersion: String(rows[0].version), schema: await readSchemaState(pool) }
  } catch (error) {
    throw translate(error, { write: false })
  } finally {
    await pool.end()
  }
}

/** Starts the embedded server and makes it ready for use, as the first call would. */
export async function startDatabase(options: DatabaseOptions = {}): Promise<DatabaseStatus> {
  refuseExternal(options)
  await (await openRepository(options)).close()
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
  throw invalidArgument(
    'PORTS_DATABASE_URL',
    shownUrl(url),
    'unset to start or stop the embedded database; a server of your own is not ours to stop',
  )
}
