import { ACCESS_LEVELS, type AccessLevel } from '@ports/core'
import pg from 'pg'

const READABLE = [
  'ports.allocations',
  'ports.checkouts',
  'ports.events',
  'ports.health_checks',
  'ports.processes',
  'ports.ranges',
  'ports.reservations',
  'ports.resting',
  'ports.rests',
  'ports._prisma_migrations',
]

/** The functions that each level may call, beside those of the levels before it. */
const FUNCTIONS: Readonly<Record<AccessLevel, readonly string[]>> = {
  read: [
    'ports.count_available',
    'ports.count_withheld',
    'ports.find_available_port',
    'ports.list_limits',
    'ports.project_key',
    'ports.refuse_unknown_project',
    'ports.service_key',
  ],
  use: [
    'ports.allocate_batch',
    'ports.allocate_port',
    'ports.allocate_ports',
    'ports.claim_port',
    'ports.ensure_checkout',
    'ports.ensure_port',
    'ports.forget_checkout',
    'ports.get_or_allocate_port',
    'ports.move_port',
    'ports.note_allocations',
    'ports.note_network',
    'ports.record_health_checks',
    'ports.record_process',
    'ports.release_many',
    'ports.release_port',
    'ports.release_ports',
    'ports.renew_ports',
    'ports.update_ports',
  ],
  admin: [
    'ports.add_range',
    'ports.create_next_range',
    'ports.create_range',
    'ports.delete_range',
    'ports.dump_registry',
    'ports.ensure_range',
    'ports.import_ports',
    'ports.load_registry',
    'ports.remove_limit',
    'ports.remove_range',
    'ports.reserve_ports',
    'ports.resize_range',
    'ports.set_limit',
    'ports.set_rest',
    'ports.unreserve_ports',
  ],
}

/** Gives a role exactly the rights of a level. To be run in one transaction. */
export function grantStatements(role: string, level: AccessLevel): string[] {
  const levels = ACCESS_LEVELS.slice(0, ACCESS_LEVELS.indexOf(level) + 1)
  const functions = levels.flatMap((each) => FUNCTIONS[each])
  const grantee = pg.escapeIdentifier(role)
  return [
    // One at a time, because PostgreSQL refuses concurrent changes to the rights of one table.
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

export interface Grant {
  readonly role: string
  readonly level: AccessLevel
}

/**
 * The roles that were given a level, besides the owner. A migration that replaces a function takes
 * away the right to call it, so it grants again afterwards.
 */
export async function readGrants(client: pg.ClientBase): Promise<Grant[]> {
  const { rows } = await client.query<Grant>(`
    select
      rolname as role,
      case
        when bool_or(proname = 'create_range') then 'admin'
        when bool_or(proname = 'release_ports') then 'use'
        else 'read'
      end as level
    from pg_catalog.pg_namespace
    cross join lateral pg_catalog.aclexplode(nspacl) as usage
    join pg_catalog.pg_roles on pg_roles.oid = usage.grantee
    left join lateral (
      select proname
      from pg_catalog.pg_proc
      cross join lateral pg_catalog.aclexplode(proacl) as execute
      where pronamespace = pg_namespace.oid
        and execute.grantee = usage.grantee
    ) as callable on true
    where nspname = 'ports'
      and usage.privilege_type = 'USAGE'
      and usage.grantee <> nspowner
    group by rolname`)
  return rows
}
