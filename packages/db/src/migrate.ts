import { randomUUID } from 'node:crypto'
import type { ClientBase, Pool } from 'pg'
import { isBeforeBaseline, isFormer } from './formerMigrations.js'
import { type Migration, migrationNames, readMigration, readUpgrade } from './migrations.js'
import { grantStatements, readGrants } from './rights.js'
import {
  foreignSchema,
  migratedDifferently,
  notMigrated,
  ownedByOther,
  registryTooNew,
  translate,
} from './sqlState.js'

/** The advisory lock that Prisma's own `migrate deploy` takes. */
const PRISMA_MIGRATE_LOCK = 72707369

/** A caller that waits longer than this gets a message that says what it waits for. */
const QUIET_MS = 1_500
/** Far more than passes between two statements of a migration. */
const SUSPENDED_MS = 10_000
/**
 * Longer than a suspended process can keep the lock, and shorter than the time limit of a query.
 */
const LOCK_TIMEOUT_MS = 20_000

/** Prisma's migration table. */
const CREATE_MIGRATION_TABLE = `
  create table if not exists ports._prisma_migrations (
    id varchar(36) primary key not null,
    checksum varchar(64) not null,
    finished_at timestamptz,
    migration_name varchar(255) not null,
    logs text,
    rolled_back_at timestamptz,
    started_at timestamptz not null default now(),
    applied_steps_count integer not null default 0
  )`

export interface SchemaState {
  readonly applied: readonly string[]
  readonly pending: readonly string[]
  /** Applied with other contents than in this version: by a development version, or manually. */
  readonly different: readonly string[]
  /** Applied by a later version; unknown to this one. */
  readonly unknown: readonly string[]
  /**
   * Whether the registry was made by the migrations that the baseline replaced. All are pending.
   */
  readonly beforeBaseline: boolean
}

/**
 * Applies what is pending and records it in Prisma's migration table. Until the transaction ends, no
 * other one migrates. Returns the state before.
 * @throws {PortsError} `REGISTRY_TOO_NEW`, `DATABASE_NOT_MIGRATED`
 */
export async function applyPending(
  client: ClientBase,
  notify: (message: string) => void = () => {},
): Promise<SchemaState> {
  await waitForTurn(client, notify)
  await refuseForeignOwner(client)
  const state = await readSchemaState(client)
  refuseOtherSchema(state)
  const { pending, beforeBaseline } = state
  if (pending.length === 0) return state
  const grants = await readGrants(client)
  if (beforeBaseline) await client.query('alter schema ports rename to ports_before')
  await client.query('create schema if not exists ports')
  await client.query(CREATE_MIGRATION_TABLE)
  for (const name of pending) {
    await apply(client, readMigration(name))
    if (beforeBaseline && name === pending[0]) await client.query(readUpgrade())
  }
  for (const { role, level } of grants) {
    await client.query(grantStatements(role, level).join('; '))
  }
  return state
}

/** @throws {PortsError} `REGISTRY_TOO_NEW`, `DATABASE_NOT_MIGRATED` */
export function refuseOtherSchema({ unknown, different }: SchemaState): void {
  if (unknown.length > 0) throw registryTooNew(unknown)
  if (different.length > 0) throw migratedDifferently(different)
}

/** @throws {PortsError} `REGISTRY_TOO_NEW`, `DATABASE_NOT_MIGRATED` */
export async function requireSchema(client: Pool | ClientBase): Promise<void> {
  const state = await readSchemaState(client)
  refuseOtherSchema(state)
  if (state.pending.length > 0) throw notMigrated()
}

/**
 * Objects in a schema of another role, such as triggers, would run with the rights of this one.
 * @throws {PortsError} `DATABASE_NOT_MIGRATED`
 */
async function refuseForeignOwner(client: ClientBase): Promise<void> {
  const { rows } = await client.query(
    `select nspowner::regrole::text as owner
     from pg_catalog.pg_namespace
     join pg_catalog.pg_roles on pg_roles.oid = nspowner
     where nspname = 'ports'
       and not rolsuper
       and rolname <> current_user`,
  )
  if (rows.length > 0) throw ownedByOther(rows[0].owner)
}

/**
 * Waits until no other transaction migrates. None can then begin until this one ends. A process
 * that is suspended in the middle of a transaction (Ctrl-Z) must not block all others, so the
 * server ends that transaction, and nothing of it is kept.
 */
async function waitForTurn(client: ClientBase, notify: (message: string) => void): Promise<void> {
  // Names here and in the scripts are resolved without the session's own search path.
  await client.query(
    `set local search_path = pg_catalog, pg_temp;
     set local idle_in_transaction_session_timeout = ${SUSPENDED_MS};
     set local lock_timeout = ${LOCK_TIMEOUT_MS};
     set local statement_timeout = 0`,
  )
  const timer = setTimeout(
    () => notify('waiting for another process, which migrates the database'),
    QUIET_MS,
  )
  try {
    await client.query('select pg_advisory_xact_lock($1)', [PRISMA_MIGRATE_LOCK])
  } finally {
    clearTimeout(timer)
  }
}

async function apply(client: ClientBase, { name, sql, checksum }: Migration): Promise<void> {
  const startedAt = new Date()
  await client.query(sql)
  await client.query(
    `insert into ports._prisma_migrations
      (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
     values ($1, $2, $3, $4, clock_timestamp(), 1)`,
    [randomUUID(), checksum, name, startedAt],
  )
}

/** Compares the migration table with the migrations of this version. */
export async function readSchemaState(client: Pool | ClientBase): Promise<SchemaState> {
  const [checksums, migrations] = await Promise.all([appliedChecksums(client), readMigrations()])
  const names = migrations.map(({ name }) => name)
  const beforeBaseline = isBeforeBaseline(checksums)
  const others = beforeBaseline ? [] : [...checksums.keys()].filter((name) => !names.includes(name))
  const pending = names.filter((name) => !checksums.has(name))
  return {
    applied: names.filter((name) => checksums.has(name)),
    pending,
    different: [
      ...others.filter(isFormer),
      ...migrations
        .filter(({ name, checksum }) => (checksums.get(name) ?? checksum) !== checksum)
        .map(({ name }) => name),
      // One that was left out cannot be applied after its successors.
      ...names.filter((name) => checksums.has(name) && pending.some((other) => other < name)),
    ],
    unknown: others.filter((name) => !isFormer(name)),
    beforeBaseline,
  }
}

/**
 * Reads the files while the server answers, because every call of the command line waits for both.
 */
async function readMigrations(): Promise<Migration[]> {
  return migrationNames().map(readMigration)
}

/** The checksums by the name of the migration. A failed migration has `failed` instead. */
async function appliedChecksums(client: Pool | ClientBase): Promise<Map<string, string>> {
  // Asks the catalogue itself, because to_regclass() would answer from this session's cache, which
  // a wait for the migrators' lock does not refresh.
  const table = await client.query(
    `select relkind = 'r' and not relrowsecurity as is_plain
     from pg_catalog.pg_class
     join pg_catalog.pg_namespace on pg_namespace.oid = relnamespace
     where nspname = 'ports'
       and relname = '_prisma_migrations'`,
  )
  if (table.rowCount === 0) return new Map()
  // Reading anything else would run the code of its maker with the rights of this role.
  if (!table.rows[0].is_plain) throw foreignSchema('its migration table is not a plain table')
  const { rows } = await client.query<{ migration_name: string; checksum: string }>(
    `select migration_name, case when finished_at is null then 'failed' else checksum end as checksum
     from ports._prisma_migrations
     where rolled_back_at is null`,
  )
  return new Map(rows.map((row) => [row.migration_name, row.checksum]))
}

export async function inTransaction<Result>(
  pool: Pool,
  work: (client: ClientBase) => Promise<Result>,
): Promise<Result> {
  const client = await pool.connect()
  let failed = true
  try {
    await client.query('begin isolation level read committed')
    const result = await work(client)
    await client.query('commit')
    failed = false
    return result
  } catch (error) {
    throw translate(error, { write: true, resolveBy: 'It is safe to run it again.' })
  } finally {
    // A connection that is closed takes its transaction with it.
    client.release(failed)
  }
}
