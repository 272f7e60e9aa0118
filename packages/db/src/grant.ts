import { ACCESS_LEVELS, type AccessLevel, invalidArgument } from '@ports/core'
import pg from 'pg'
import { type DatabaseOptions, databaseUrl, isBehindPgBouncer } from './databaseUrl.js'
import { inTransaction, requireSchema } from './migrate.js'
import { hideFromNamesake, SCHEMA } from './namesake.js'
import { openPool, STATEMENT_TIMEOUT_MS } from './openPool.js'
import { grantStatements } from './rights.js'
import { translate } from './sqlState.js'

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

const UNLIKE_THE_SCHEMA =
  'a role that has another name than the schema. Or, as a superuser, run alter role ' +
  `${SCHEMA} set search_path = public, and grant again: with "$user" in its search_path the role ` +
  "would use the registry's tables as its own"

/**
 * Gives a role exactly the rights of a level, in place of those that it had in the registry. The
 * role cannot write a table: it calls functions, which run with the rights of the role that
 * migrated. Only that role or a superuser can grant.
 * @throws {PortsError} `INVALID_ARGUMENT` for the embedded database, which only its owner can use,
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
      'set: only its owner can use the embedded database',
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
        'a role other than a superuser or the owner of the tables',
      )
    }
    const limit = `alter role ${pg.escapeIdentifier(role)} set statement_timeout = ${STATEMENT_TIMEOUT_MS}`
    const statements = [...grantStatements(role, level), ...(isBehindPgBouncer(url) ? [limit] : [])]
    await inTransaction(pool, async (client) => {
      await client.query(statements.join('; '))
      if (role === SCHEMA && !(await hideFromNamesake(client))) {
        throw invalidArgument('role', role, UNLIKE_THE_SCHEMA)
      }
    })
  } catch (error) {
    throw translate(error, { write: true, resolveBy: 'Grant it again: that does no harm.' })
  } finally {
    await pool.end()
  }
}
