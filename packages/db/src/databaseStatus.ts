import { invalidArgument } from '@ports/core'
import type pg from 'pg'
import { type DatabaseOptions, databaseUrl, shownUrl } from './databaseUrl.js'
import { ensureRunning, stop } from './embedded/embeddedPostgres.js'
import { isAccepting, postmasterPid } from './embedded/postmaster.js'
import { dataDirectory, registryHome } from './embedded/registryHome.js'
import { accountOf } from './embedded/serverAccount.js'
import { socketDirectory } from './embedded/socketDirectory.js'
import { readSchemaState, type SchemaState } from './migrate.js'
import { openPool } from './openPool.js'
import { openRepository } from './openRepository.js'
import { translate } from './sqlState.js'

export interface DatabaseStatus {
  readonly kind: 'embedded' | 'external'
  readonly running: boolean
  readonly serverVersion?: string
  readonly schema?: SchemaState
  /** Of an external server, its password masked. */
  readonly url?: string
  readonly home?: string
  readonly dataDirectory?: string
  readonly socketDirectory?: string
  /** Whom the embedded server runs as. */
  readonly owner?: string
  readonly pid?: number
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
  const home = registryHome()
  const data = dataDirectory(home)
  if (data === undefined) return { kind: 'embedded', running: false, home }
  const place = {
    home,
    dataDirectory: data,
    socketDirectory: socketDirectory(data),
    owner: accountOf(data).name,
  }
  if (!(await isAccepting(data))) return { kind: 'embedded', running: false, ...place }
  const pid = postmasterPid(data)
  return {
    kind: 'embedded',
    running: true,
    ...place,
    ...(pid !== undefined && { pid }),
    ...(await askServer(options)),
  }
}

async function askServer(options: DatabaseOptions) {
  const pool: pg.Pool = await openPool(options)
  try {
    const { rows } = await pool.query(`select current_setting('server_version') as version`)
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
  await ensureRunning(options.notify ?? (() => {}))
  await (await openRepository(options)).close()
  return databaseStatus(options)
}

/** Stops the embedded server. The next call starts it again. False if it was not running. */
export async function stopDatabase(options: DatabaseOptions = {}): Promise<boolean> {
  refuseExternal(options)
  return stop()
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
