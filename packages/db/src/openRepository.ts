import { INITIAL_NETWORK, networkHere, type PortRepository } from '@ports/core'
import { createRepository } from './createRepository.js'
import { Database } from './Database.js'
import { type DatabaseOptions, databaseUrl, isBehindPgBouncer } from './databaseUrl.js'
import { embeddedStatus } from './embedded/embeddedPostgres.js'
import { migratePool, readSchemaState, refuseOtherSchema, type SchemaState } from './migrate.js'
import { openPool } from './openPool.js'
import { notMigrated, translate } from './sqlState.js'
import { noteOwnNetwork } from './store/checks.js'

/**
 * Opens the registry: the database that `PORTS_DATABASE_URL` (or `url`) names, else the embedded
 * one, which is made, started, migrated and seeded as needed. Close it when done.
 * @throws {PortsError} `DATABASE_UNAVAILABLE`; `DATABASE_NOT_MIGRATED` for a database of one's own
 * that is behind, or for any that was migrated by another version; `REGISTRY_TOO_NEW`
 */
export async function openRepository(options: DatabaseOptions = {}): Promise<PortRepository> {
  const url = databaseUrl(options)
  let launched = false
  const onLaunch = () => {
    launched = true
  }
  const pool = await openPool({ ...options, onLaunch })
  try {
    const state = await readSchemaState(pool)
    refuseOtherSchema(state)
    if (state.pending.length > 0) {
      if (url !== undefined) throw notMigrated()
      await migratePool(pool, true, options.notify)
    }
    const embedded = url === undefined
    const database = new Database(pool, !isBehindPgBouncer(url))
    if (embedded) await noteNetwork(database, launched, state)
    return createRepository(database, { servesOneHost: embedded })
  } catch (error) {
    await pool.end()
    throw translate(error, { write: false })
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

/**
 * A process that makes a registry or starts its server is taken to be in the network namespace of
 * the services. A registry from a version that did not record this learns it from a migrator in the
 * initial namespace, where the services are no matter which process started the server.
 */
async function noteNetwork(
  database: Database,
  launched: boolean,
  { applied, pending, beforeBaseline }: SchemaState,
): Promise<void> {
  if (!launched && pending.length === 0) return
  const network = await networkHere()
  if (network === undefined) return
  const made = applied.length === 0 && !beforeBaseline
  if (launched || made || network === INITIAL_NETWORK) await noteOwnNetwork(database, network)
}
