import type { PortRepository } from '@ports/core'
import { createRepository } from './createRepository.js'
import { Database } from './Database.js'
import { type DatabaseOptions, databaseUrl, isBehindPgBouncer } from './databaseUrl.js'
import { embeddedStatus, ensureRunning, existingData } from './embedded/embeddedPostgres.js'
import { CALLER_ROLE } from './embedded/roles.js'
import { NOT_ADMITTED, noteNetwork, prepareEmbedded } from './management.js'
import { readSchemaState, refuseOtherSchema, requireSchema } from './migrate.js'
import { openPool } from './openPool.js'
import type { RegistryPool } from './RegistryPool.js'
import { translate } from './sqlState.js'

/** SQLSTATE of insufficient_privilege. */
const LACKS_RIGHT = '42501'

/**
 * Opens the registry in the database that `url` names, else in that of the setting `databaseUrl`
 * (the environment's `PORTS_DATABASE_URL`, else the settings files), else in the embedded one,
 * which is made, started, migrated and seeded as needed. Close it when done.
 * @throws {PortsError} `DATABASE_UNAVAILABLE`; `DATABASE_NOT_MIGRATED` for an external database
 * that is behind, or for any that another version migrated; `REGISTRY_TOO_NEW`; `INVALID_ARGUMENT`
 * for a setting that is wrong; `NO_REGISTRY` if there is none and `create` is false
 */
export async function openRepository(options: DatabaseOptions = {}): Promise<PortRepository> {
  const url = databaseUrl(options)
  if (url === undefined) return openEmbedded(options)
  const pool = await openPool(options)
  try {
    await requireSchema(pool)
    const database = new Database(pool, !isBehindPgBouncer(url))
    return createRepository(database, { servesOneHost: false })
  } catch (error) {
    await pool.end()
    throw translate(error, { write: false })
  }
}

async function openEmbedded(options: DatabaseOptions): Promise<PortRepository> {
  let launched = false
  const onLaunch = () => {
    launched = true
  }
  const { notify = () => {} } = options
  // After an uninstall there is a new cluster to be prepared, and not only a server to be started.
  const start = async () =>
    (await existingData()) === undefined
      ? prepareEmbedded({ ...options, create: true })
      : ensureRunning(notify, onLaunch)
  let pool = await openPool({ ...options, onLaunch, start })
  try {
    if (!(await isPrepared(pool))) {
      await pool.end()
      await prepareEmbedded(options)
      pool = await openPool({ ...options, onLaunch, start })
    }
    const database = new Database(pool, true)
    if (launched) await noteNetwork(database, true)
    return createRepository(database, { servesOneHost: true })
  } catch (error) {
    if (!pool.ended) await pool.end()
    throw translate(error, { write: false })
  }
}

/**
 * False if an earlier version made the registry, or if its database was restored without the role
 * of callers.
 */
async function isPrepared(pool: RegistryPool): Promise<boolean> {
  try {
    const state = await readSchemaState(pool)
    refuseOtherSchema(state)
    return state.pending.length === 0 && pool.options.user === CALLER_ROLE
  } catch (error) {
    const { code, cause } = error as { code?: string; cause?: { code?: string } }
    if (code === LACKS_RIGHT || cause?.code === NOT_ADMITTED) return false
    throw error
  }
}

/**
 * Opens the registry only if it is running, and makes and starts none. Undefined if the embedded
 * one was never made or is not running.
 * @throws {PortsError} as `openRepository`
 */
export async function openRunningRepository(
  options: DatabaseOptions = {},
): Promise<PortRepository | undefined> {
  if (databaseUrl(options) === undefined && !(await embeddedStatus()).running) return undefined
  return openRepository(options)
}
