import { setTimeout as sleep } from 'node:timers/promises'
import { actorHere, INITIAL_NETWORK, networkHere } from '@ports/core'
import type { ClientBase, Pool } from 'pg'
import { Database } from './Database.js'
import { type DatabaseOptions, databaseUrl } from './databaseUrl.js'
import { admitCallers, CALLER_ROLE, roleOfCallers } from './embedded/roles.js'
import { tryConnection } from './embedded/serverConnection.js'
import {
  applyPending,
  inTransaction,
  readSchemaState,
  refuseOtherSchema,
  requireSchema,
  type SchemaState,
} from './migrate.js'
import { hideFromNamesake, NAMESAKE_FINDS_TABLES } from './namesake.js'
import { openManagementPool } from './openPool.js'
import { grantStatements } from './rights.js'
import { insertSeed, type Seeded } from './seed.js'
import { readSetting } from './settings/readSettings.js'
import { translate } from './sqlState.js'
import { noteOwnNetwork } from './store/checks.js'

/** The actor of the ranges that a new registry has from the start. */
const NEW_REGISTRY_ACTOR = 'seed'

/** A server reloads its configuration within milliseconds. */
const RELOAD_TIMEOUT_MS = 10_000
const POLL_MS = 10

/**
 * Brings the database to the schema of this version and records it in Prisma's migration table, so
 * that `prisma migrate deploy` and `status` find nothing to do. Runs in one transaction, all or
 * nothing. Any number of callers may run it at once. Returns the names of the migrations that it
 * applied. Run as a superuser or as the role that has the name of the schema, it also removes
 * `"$user"` from the search path of the latter in the database. Run as another role, it reports to
 * `notify` if the role that has the name of the schema finds the tables.
 * @throws {PortsError} `DATABASE_UNAVAILABLE`; `OUTCOME_UNKNOWN`, after which it is safe to run
 * again; `REGISTRY_TOO_NEW` if a later version migrated it; `DATABASE_NOT_MIGRATED` if another
 * version of a migration was applied
 */
export async function migrate(options: DatabaseOptions = {}): Promise<string[]> {
  if (databaseUrl(options) === undefined) return prepareEmbedded(options)
  const pool = await openManagementPool(options)
  try {
    return await inTransaction(pool, async (client) => {
      const { pending } = await applyPending(client, options.notify)
      if (!(await hideFromNamesake(client))) options.notify?.(NAMESAKE_FINDS_TABLES)
      return [...pending]
    })
  } finally {
    await pool.end()
  }
}

/**
 * Gives an external database the default ranges, in one transaction. Existing ranges stay as they
 * are, even resized ones. A default range is left out if another project owns numbers of it. The
 * actor is the setting `actor`, else `user@host`.
 * @throws {PortsError} `INVALID_ARGUMENT`, `DATABASE_UNAVAILABLE`, `REGISTRY_TOO_NEW`,
 * `DATABASE_NOT_MIGRATED`
 */
export async function seed(options: DatabaseOptions = {}): Promise<Seeded> {
  const actor = readSetting('actor').value ?? actorHere()
  const pool = await openManagementPool(options)
  try {
    return await inTransaction(pool, async (client) => {
      await requireSchema(client)
      return insertSeed(client, actor)
    })
  } finally {
    await pool.end()
  }
}

/**
 * Makes, starts, migrates and seeds the embedded registry as needed, and lets callers in by a role
 * of their own. The setting `defaultRanges` can switch seeding off. If nothing is missing, does as
 * little as `openRepository`. Returns and throws as `migrate`.
 */
export async function prepareEmbedded(options: DatabaseOptions): Promise<string[]> {
  let launched = false
  const onLaunch = () => {
    launched = true
  }
  const pool = await openManagementPool({ ...options, onLaunch })
  const data = pool.dataDirectory
  try {
    const before = await readSchemaState(pool)
    refuseOtherSchema(before)
    const isPrepared =
      before.pending.length === 0 && roleOfCallers(data) === CALLER_ROLE && (await isGranted(pool))
    const applied = isPrepared
      ? []
      : await inTransaction(pool, (client) => prepare(client, data, options.notify))
    await untilAdmitted(pool, data)
    if (launched || before.pending.length > 0) {
      await noteNetwork(new Database(pool, true), launched || isNew(before))
    }
    return applied
  } catch (error) {
    throw translate(error, { write: false })
  } finally {
    await pool.end()
  }
}

async function prepare(
  client: ClientBase,
  data: string,
  notify: DatabaseOptions['notify'],
): Promise<string[]> {
  const before = await applyPending(client, notify)
  if (isNew(before) && readSetting('defaultRanges').value)
    await insertSeed(client, NEW_REGISTRY_ACTOR)
  if (before.pending.length > 0 || !(await isGranted(client))) await grantToCallers(client)
  if (!(await hideFromNamesake(client))) notify?.(NAMESAKE_FINDS_TABLES)
  try {
    admitCallers(data)
  } catch (error) {
    // In a sandbox with a read-only file system, or on a full disk, callers stay with the role that
    // they had. The next process tries again.
    if (!(error instanceof Error) || !('syscall' in error)) throw error
  }
  return [...before.pending]
}

function isNew({ applied, beforeBaseline }: SchemaState): boolean {
  return applied.length === 0 && !beforeBaseline
}

/** False also in a database that was restored without its roles or their rights. */
async function isGranted(client: ClientBase | Pool): Promise<boolean> {
  const { rowCount } = await client.query(
    `select
     from pg_catalog.pg_roles
     where rolname = $1
       and pg_catalog.has_schema_privilege(oid, 'ports', 'usage')`,
    [CALLER_ROLE],
  )
  return rowCount === 1
}

/** Runs after each migration, because a migration may have made functions. */
async function grantToCallers(client: ClientBase): Promise<void> {
  const { rowCount } = await client.query('select from pg_catalog.pg_roles where rolname = $1', [
    CALLER_ROLE,
  ])
  if (rowCount === 0) await client.query(`create role ${CALLER_ROLE} login`)
  // Lets a call name the holder of a lock, whichever role that is.
  await client.query(`grant pg_read_all_stats to ${CALLER_ROLE}`)
  await client.query(grantStatements(CALLER_ROLE, 'admin').join('; '))
}

/**
 * Waits until the server admits callers. A server reads that configuration only at a start or
 * reload.
 */
async function untilAdmitted(pool: Pool, data: string): Promise<void> {
  const giveUpAt = performance.now() + RELOAD_TIMEOUT_MS
  while (!(await isAdmitted(data)) && performance.now() < giveUpAt) {
    await pool.query('select pg_catalog.pg_reload_conf()')
    await sleep(POLL_MS)
  }
}

/** True also if the server is full, because it then does not say. */
async function isAdmitted(data: string): Promise<boolean> {
  return tryConnection(data, roleOfCallers(data)).then(
    () => true,
    (error) => error.code !== NOT_ADMITTED,
  )
}

/** SQLSTATE of invalid_authorization_specification: the role may not connect, or does not exist. */
export const NOT_ADMITTED = '28000'

/**
 * A process that makes a registry or starts its server is assumed to be in the network namespace of
 * the services. A registry from a version that did not record this learns it from a migrator in the
 * initial namespace, where the services are no matter which process started the server.
 */
export async function noteNetwork(database: Database, launchedOrMade: boolean): Promise<void> {
  const network = await networkHere()
  if (network === undefined) return
  if (launchedOrMade || network === INITIAL_NETWORK) await noteOwnNetwork(database, network)
}
