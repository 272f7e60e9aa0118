import type { ListQuery } from '@ports/core'
import { type Statement, statement } from './runStatement.js'

// Whoever holds a port already is told by the look alone, as fast as a look can be; the function,
// which locks, is called by the same statement for the others. No condition on a parameter: the
// plan would be cheaper for each value of it than for all, and so be made anew for every call.
export const GET_OR_ALLOCATE = statement(`
  select coalesce(
    (
      select port_number
      from ports.port_allocations
      where project_name = $1
        and service_name = $2
        and hostname = $3
        and protocol = $4
        and status <> 'released'
      order by ordinal
      limit 1
    ),
    ports.get_or_allocate_port($1, $2, $3, $4)
  ) as answer`)

export const GET_OR_ALLOCATE_WITH_METADATA = statement(
  'select ports.get_or_allocate_port($1, $2, $3, $4, $5, $6, $7) as answer',
)

export const ALLOCATE = statement(
  'select ports.allocate_port($1, $2, $3, $4, $5, $6, $7, $8) as answer',
)

export const RELEASE = statement('select ports.release_ports($1, $2, $3, $4, $5) as answer')

// Several calls in one transaction. What each of them locks is locked for all of them first, and in
// one order, so that two such transactions never wait for each other; after that, an allocation
// waits for nobody but who offers numbers, one project after the other.

export const ALLOCATE_TOGETHER = statement(`
  with call as (
    select *
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
      with ordinality
      as call (project, service, hostname, protocol, type, description, cloudflare, turn)
    order by project, service, hostname, protocol, turn
  ), locked as materialized (
    select count(ports.lock_service(project, service, hostname, protocol))
    from call
  )
  select turn::integer,
    ports.allocate_port(project, service, hostname, protocol, type, description, cloudflare)
      as answer
  from locked
  cross join call`)

export const RELEASE_TOGETHER = statement(`
  with call as (
    select *
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[])
      with ordinality
      as call (project, service, hostname, protocol, port, turn)
    order by turn
  ), locked as materialized (
    select count(*)
    from (
      select
      from ports.port_allocations as held
      join (select distinct project, service, hostname from call) as call
        on held.project_name = project
        and held.service_name = service
        and held.hostname = call.hostname
      where held.status <> 'released'
      order by held.id
      for update of held
    ) as held
  )
  select turn::integer, ports.release_ports(project, service, hostname, protocol, port) as answer
  from locked
  cross join call`)

// Every number up to the highest that was offered has a row, so those that are not free are held:
// counting the free ones takes less where many are held. A number that was stored by hand may have
// several rows.
export const SUMMARIZE = statement(`
  select start_port, end_port, description,
    ports.next_unoffered(port_ranges, $2, $3) - start_port - (
      select count(distinct free.port_number)::integer
      from ports.port_allocations as free
      where free.project_name = $1
        and free.hostname = $2
        and free.protocol = $3
        and free.status = 'released'
        and not exists (
          select
          from ports.port_allocations as live
          where live.hostname = free.hostname
            and live.protocol = free.protocol
            and live.port_number = free.port_number
            and live.status <> 'released'
        )
    ) as allocated_ports
  from ports.port_ranges
  where project_name = $1`)

/** A statement with the values of its parameters. */
interface Question {
  readonly statement: Statement
  readonly values: readonly unknown[]
}

/**
 * The live allocations that a query asks for. The text has only the conditions that the query has,
 * so that the plan fits them. A check is looked up by its index for each row that is returned.
 */
export function listQuestion({ projectName, after, limit }: ListQuery): Question {
  const values: unknown[] = [limit]
  const parameter = (value: unknown) => `$${values.push(value)}`
  const conditions = [
    `status <> 'released'`,
    ...(projectName === undefined ? [] : [`project_name = ${parameter(projectName)}`]),
    ...(after === undefined
      ? []
      : [
          `(port_number, hostname, protocol) > (${[after.portNumber, after.hostname, after.protocol]
            .map(parameter)
            .join(', ')})`,
        ]),
  ]
  const text = `
  select
    id,
    project_name as "projectName",
    service_name as "serviceName",
    hostname,
    protocol,
    port_number as "portNumber",
    status,
    service_type as "serviceType",
    description,
    cloudflare_hostname as "cloudflareHostname",
    allocated_at as "allocatedAt",
    last_used_at as "lastUsedAt",
    (
      select checked_at
      from ports.port_health_checks as seen
      where seen.allocation_id = held.id
        and seen.verdict <> 'unknown'
      order by seen.id desc
      limit 1
    ) as "lastCheckedAt"
  from ports.port_allocations as held
  where ${conditions.join('\n    and ')}
  order by port_number, hostname, protocol
  limit $1`
  return { statement: statement(text), values }
}

/** How many allocations the query matches on all pages. */
export function countQuestion({ projectName }: ListQuery): Question {
  const all = `
  select count(*)::integer as answer
  from ports.port_allocations
  where status <> 'released'`
  return projectName === undefined
    ? { statement: statement(all), values: [] }
    : { statement: statement(`${all}\n    and project_name = $1`), values: [projectName] }
}

export const LIST_RANGES = statement(`
  select
    project_name as "projectName",
    start_port as "startPort",
    end_port as "endPort",
    description
  from ports.port_ranges
  order by start_port`)

/** The range below a range and the one above it. */
export const NEIGHBOURS = statement(`
  (
    select
      project_name as "projectName",
      start_port as "startPort",
      end_port as "endPort",
      description
    from ports.port_ranges
    where end_port < $1
    order by end_port desc
    limit 1
  )
  union all
  (
    select project_name, start_port, end_port, description
    from ports.port_ranges
    where start_port > $2
    order by start_port
    limit 1
  )`)

export const RECORD_CHECKS = statement('select ports.record_health_checks($1, $2)')

export const CREATE_NEXT_RANGE = statement(`
  select start_port, end_port
  from ports.create_next_range($1, $2, $3, $4, $5)
  where project_name is not null`)

export const NOTE_NETWORK = statement('select ports.note_network($1, $2, $3) as answer')
