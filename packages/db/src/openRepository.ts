import { INITIAL_NETWORK, networkHere, type PortRepository } from '@ports/core'
import { type DatabaseOptions, databaseUrl, isBehindPgBouncer } from './databaseUrl.js'
import { embeddedStatus } from './embedded/embeddedPostgres.js'
import { migratePool, readSchemaState, type SchemaState } from './migrate.js'
import { openPool } from './openPool.js'
import { PrismaPortRepository } from './PrismaPortRepository.js'
import { migratedDifferently, notMigrated, translate } from './sqlState.js'

/**
 * Opens the registry: the database that `PORTS_DATABASE_URL` (or `url`) names, else the embedded
 * one, which is made, started, migrated and seeded as needed. Close it when done.
 * @throws {PortsError} `DATABASE_UNAVAILABLE`; `DATABASE_NOT_MIGRATED` for a database of one's own
 * that is behind, or for any that was migrated by another version
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
    const { pending, different } = state
    if (different.length > 0) throw migratedDifferently(different)
    if (pending.length > 0) {
      if (url !== undefined) throw notMigrated()
      await migratePool(pool, true, options.notify)
    }
    const embedded = url === undefined
    const repository = new PrismaPortRepository(pool, !isBehindPgBouncer(url), embedded)
    if (embedded) await noteNetwork(repository, launched, state)
    return repository
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
  repository: PrismaPortRepository,
  launched: boolean,
  { applied, pending }: SchemaState,
): Promise<void> {
  if (!launched && pending.length === 0) return
  const network = await networkHere()
  if (network === undefined) return
  const made = applied.length === 0
  if (launched || made || network === INITIAL_NETWORK) await repository.noteOwnNetwork(network)
}
