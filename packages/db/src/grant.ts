import { ACCESS_LEVELS, type AccessLevel, invalidArgument } from '@ports/core'
import pg from 'pg'
import { type DatabaseOptions, databaseUrl, isBehindPgBouncer } from './databaseUrl.js'
import { requireSchema } from './migrate.js'
import { openPool, STATEMENT_TIMEOUT_MS } from './openPool.js'
import { translate } from './sqlState.js'

const READABLE = [
  'ports.allocations',
  'ports.events',
  'ports.health_checks',
  'ports.ranges',
  'ports._prisma_migrations',
]

/** The functions that each level may call, beside those of the levels before it. */
const FUNCTIONS: Readonly<Record<AccessLevel, readonly string[]>> = {
  read: [
    'ports.count_available',
    'ports.find_available_port',
    'ports.project_key',
    'ports.refuse_unknown_project',
    'ports.service_key',
  ],
  use: [
    'ports.allocate_port',
    'ports.allocate_ports',
    'ports.claim_port',
    'ports.ensure_port',
    'ports.get_or_allocate_port',
    'ports.note_network',
    'ports.record_health_checks',
    'ports.release_many',
    'ports.release_port',
    'ports.release_ports',
    'ports.update_ports',
  ],
  admin: [
    'ports.create_next_range',
    'ports.create_range',
    'ports.delete_range',
    'ports.resize_range',
  ],
}

/** Whether a role exists, and whether it has all rights whatever is granted. */
const ROLE = `
  select rolsuper or exists (
    select
    from pg_catalog.pg_class
    where relnamespace = (select oid from pg_catalog.pg_namespace where nspname = 'ports')
      and relowner = pg_roles.oid
  ) as has_all
  from pg_catalog.pg_roles
  where rolname = $1::name`

/**
 * Gives a role exactly the rights of a level, in place of those that it had in the registry. The
 * role cannot write a table: it calls functions, which run with the rights of the role that
 * migrated. Only that role or a superuser can grant.
 * @throws {PortsError} `INVALID_ARGUMENT` for the embedded database, which is for its owner alone,
 * and for an unknown role or level; `DATABASE_UNAVAILABLE`, `REGISTRY_TOO_NEW`, `DATABASE_NOT_MIGRATED`
 */
export async function grantAccess(
  role: string,
  level: AccessLevel,
  options: DatabaseOptions = {},
): Promise<void> {
  const url = databaseUrl(options)
  if (url === undefined) {
    throw invalidArgument(
      'PORTS_DATABASE_URL',
      '',
      'set: the embedded database is for its owner alone',
    )
  }
  if (!ACCESS_LEVELS.includes(level)) {
    throw invalidArgument('level', level, `one of ${ACCESS_LEVELS.join(', ')}`)
  }
  const pool = await openPool(options)
  try {
    await requireSchema(pool)
    const { rows } = await pool.query(ROLE, [role])
    if (rows.length === 0) {
      throw invalidArgument('role', role, 'a role of this database: create it first')
    }
    if (rows[0].has_all) {
      throw invalidArgument(
        'role',
        role,
        'another role than a superuser and the owner of the tables',
      )
    }
    const limit = `alter role ${pg.escapeIdentifier(role)} set statement_timeout = ${STATEMENT_TIMEOUT_MS}`
    // One query string, and so one transaction.
    await pool.query(
      [...grantStatements(role, level), ...(isBehindPgBouncer(url) ? [limit] : [])].join('; '),
    )
  } catch (error) {
    throw translate(error, { write: true, resolveBy: 'Grant it again: that does no harm.' })
  } finally {
    await pool.end()
  }
}

/** To be run in one transaction. */
export function grantStatements(role: string, level: AccessLevel): string[] {
  const levels = ACCESS_LEVELS.slice(0, ACCESS_LEVELS.indexOf(level) + 1)
  const functions = levels.flatMap((each) => FUNCTIONS[each])
  const grantee = pg.escapeIdentifier(role)
  return [
    // One at a time: PostgreSQL refuses two that change the rights of one table.
    'lock table ports.port_ranges in share row exclusive mode',
    `revoke all on schema ports from ${grantee}`,
    `revoke all on all sequences in schema ports from ${grantee}`,
    `revoke all on all tables in schema ports from ${grantee}`,
    `revoke all on all functions in schema ports from ${grantee}`,
    `grant usage on schema ports to ${grantee}`,
    `grant select on ${READABLE.join(', ')} to ${grantee}`,
    `grant execute on function ${functions.join(', ')} to ${grantee}`,
  ]
}
