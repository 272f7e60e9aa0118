import pg, { type ClientBase } from 'pg'

/** The schema of the registry. */
export const SCHEMA = 'ports'

/**
 * The search path with which sessions of the role of that name begin, if the role may use the
 * schema. Without a setting for the role, it is that of the server, which a session of another role
 * does not show. The registry's own sessions in the embedded server set it to `pg_catalog`.
 */
const NAMESAKE = `
  select
    current_database() as database,
    coalesce(
      (
        select substr(setting, length('search_path=') + 1)
        from pg_catalog.pg_db_role_setting
        cross join lateral unnest(setconfig) as setting
        where setrole in (0, role.oid)
          and setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))
          and setting like 'search_path=%'
        order by setrole <> 0 desc, setdatabase <> 0 desc
        limit 1
      ),
      case when role.rolname = current_user then nullif(standard.reset_val, 'pg_catalog') end,
      standard.boot_val
    ) as path,
    role.rolname = current_user or (
      select rolsuper
      from pg_catalog.pg_roles
      where rolname = current_user
    ) as can_set
  from pg_catalog.pg_roles as role
  cross join pg_catalog.pg_settings as standard
  where role.rolname = '${SCHEMA}'
    and standard.name = 'search_path'
    and has_schema_privilege(role.oid, '${SCHEMA}', 'usage')`

/** The warning for a role of that name that still finds the tables. */
export const NAMESAKE_FINDS_TABLES =
  `warning: the role ${SCHEMA}, which has the name of the schema, finds the tables of the registry ` +
  `where it names no schema. To end that, run as a superuser: alter role ${SCHEMA} set search_path ` +
  '= public'

const OWN_PATH = 'set local search_path = pg_catalog, pg_temp'

/**
 * Removes `"$user"` from the search path of the role that has the name of the schema, in this
 * database, if the role may use the schema. Otherwise an application that connects as that role
 * finds the registry's tables, and creates its own there, wherever it names no schema. Sessions that
 * are open keep their search path. In the rest of the transaction it is `pg_catalog`.
 * @returns false if only a superuser or that role could do it
 */
export async function hideFromNamesake(client: ClientBase): Promise<boolean> {
  await client.query(OWN_PATH)
  const { rows } = await client.query<{ database: string; path: string; can_set: boolean }>(
    NAMESAKE,
  )
  const [role] = rows
  if (role === undefined) return true
  const schemas = role.path.split(',')
  const others = schemas.filter((schema) => !/^\s*("\$user"|\$user)\s*$/.test(schema))
  if (others.length === schemas.length) return true
  if (!role.can_set) return false
  // As a parameter, so that no part of the path is run as SQL.
  await client.query(`select pg_catalog.set_config('search_path', $1, true)`, [
    others.join(',').trim(),
  ])
  await client.query(
    `alter role ${SCHEMA} in database ${pg.escapeIdentifier(role.database)} set search_path from current`,
  )
  await client.query(OWN_PATH)
  return true
}
