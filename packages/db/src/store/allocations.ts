import {
  type AllocationRequest,
  type AllocationStore,
  type EnsuredPort,
  type EnsureRequest,
  type GivingOptions,
  type KnownHost,
  type Limits,
  type ListQuery,
  METADATA_FIELDS,
  type MovedPort,
  type Neighbourhood,
  type PortAllocation,
  type ReleasedPort,
  type RenewedLease,
  type Selection,
  type ServiceKey,
  type WriteOptions,
} from '@ports/core'
import type { Database } from '../Database.js'
import { GroupCommit } from '../GroupCommit.js'
import { type Statement, statement } from '../runStatement.js'
import { explainExhausted } from './exhausted.js'
import { multirange } from './multirange.js'
import { present, type Stored } from './present.js'
import { listResting } from './resting.js'

// Does not refuse an unknown project. PostgreSQL prepares every part of a statement at each
// execution, and a function call would make this one take half as long again.
const FIND = statement(`
  select port_number as answer
  from ports.allocations
  where service_key = ports.service_key($1, $2, $3, $4)
    and project_name = $1
    and service_name = $2
    and instance = $3
    and hostname = $4
    and protocol = $5
  order by ordinal
  limit 1`)

// A service that already holds a port gets it from the lookup alone. For other services the same
// statement calls the function. There is no condition on a parameter: the plan for a given value
// would be cheaper than the generic plan, so PostgreSQL would plan every call again.
const GET_OR_ALLOCATE = statement(`
  select coalesce(
    (
      select port_number
      from ports.allocations
      where service_key = ports.service_key($1, $2, $3, $4)
        and project_name = $1
        and service_name = $2
        and instance = $3
        and hostname = $4
        and protocol = $5
      order by ordinal
      limit 1
    ),
    (
      select port_number
      from ports.ensure_port($1, $2, $4, $5, null, null, null, $3, $6)
    )
  ) as answer`)

const ENSURE = statement(`
  select port_number as "portNumber", created, passed_over as "passedOver", resting
  from ports.ensure_port(
    p_project_name => $1, p_service_name => $2, p_instance => $3, p_hostname => $4,
    p_protocol => $5, p_actor => $6,
    p_service_type => $7, p_description => $8, p_cloudflare_hostname => $9,
    p_avoid => $10, p_preferred_port => $11, p_ttl => $12, p_limits => $13
  )`)

const CLAIM = statement(`
  select ports.claim_port(
    p_project_name => $1, p_service_name => $2, p_instance => $3, p_hostname => $4,
    p_protocol => $5, p_actor => $6,
    p_service_type => $7, p_description => $8, p_cloudflare_hostname => $9,
    p_port_number => $10, p_use_reservation => $11, p_ttl => $12, p_limits => $13
  ) as answer`)

const MOVE = statement(`
  select moved_from as "movedFrom", moved
  from ports.move_port(
    p_project_name => $1, p_service_name => $2, p_instance => $3, p_hostname => $4,
    p_protocol => $5, p_actor => $6, p_port_number => $7, p_from => $8, p_use_reservation => $9
  )`)

const ALLOCATE = statement(`
  select ports.allocate_port(
    p_project_name => $1, p_service_name => $2, p_instance => $3, p_hostname => $4,
    p_protocol => $5, p_actor => $6,
    p_service_type => $7, p_description => $8, p_cloudflare_hostname => $9,
    p_avoid => $10, p_idempotency_key => $11, p_ttl => $12, p_limits => $13
  ) as answer`)

const ALLOCATE_TOGETHER = statement(`
  select turn, port_number as answer
  from ports.allocate_ports(
    p_project_names => $1, p_service_names => $2, p_instances => $3, p_hostnames => $4,
    p_protocols => $5, p_actors => $6,
    p_service_types => $7, p_descriptions => $8, p_cloudflare_hostnames => $9, p_avoid => $10
  )`)

const RELEASE = statement(`
  select ports.release_ports(
    p_project_name => $1, p_service_name => $2, p_instance => $3, p_hostname => $4,
    p_protocol => $5, p_actor => $6, p_port_number => $7, p_allocation_id => $8
  ) as answer`)

const RENEW = statement(`
  select id, port_number as "portNumber", protocol, ends_at as "leaseEndsAt"
  from ports.renew_ports(
    p_project_name => $1, p_service_name => $2, p_instance => $3, p_hostname => $4,
    p_protocol => $5, p_port_number => $6, p_allocation_id => $7, p_ttl => $8
  )
  order by port_number, protocol`)

const RELEASE_TOGETHER = statement(`
  select turn, released as answer
  from ports.release_many(
    p_project_names => $1, p_service_names => $2, p_instances => $3, p_hostnames => $4,
    p_protocols => $5, p_actors => $6, p_port_numbers => $7
  )`)

const UPDATE = statement(`
  select ports.update_ports(
    p_project_name => $1, p_service_name => $2, p_instance => $3, p_hostname => $4,
    p_protocol => $5, p_actor => $6, p_port_number => $7, p_change => $8
  ) as answer`)

// `update_ports` locks a service, so the hosts are updated in the order of their service keys.
const UPDATE_ON_ALL_HOSTS = statement(`
  select (
    select coalesce(
      sum(
        ports.update_ports(
          p_project_name => $1, p_service_name => $2, p_instance => $3, p_hostname => hostname,
          p_protocol => $4, p_actor => $5, p_port_number => $6, p_change => $7
        )
      ),
      0
    )::integer
    from (
      select distinct service_key, hostname
      from ports.allocations
      where ${isOfProject('$1')}
        and service_name = $2
        and instance = $3
      order by service_key
    ) as held
  ) as answer
  from ports.refuse_unknown_project($1) as known`)

const ASK_AGAIN = 'Ask again: it gives the same port, or one if there is none.'
const MOVE_AGAIN = 'Move it again: that does no harm.'
const UPDATE_AGAIN = 'Update it again: that does no harm.'

// The history is read only for a host on which nothing else is held.
const NEIGHBOURHOOD = statement(`
  select
    array(
      select distinct service_name
      from ports.allocations
      where ${isOfProject('$1')}
        and id <> all ($3)
      order by service_name
    ) as services,
    array(
      select hostname
      from ports.allocations
      where id <> all ($3)
      union
      select $2
      where not exists (
          select
          from ports.allocations
          where hostname = $2
            and id <> all ($3)
        )
        and exists (
          select
          from ports.events
          where hostname = $2
            and allocation_id <> all ($3)
        )
      order by hostname
    ) as hosts
  from ports.refuse_unknown_project($1) as known`)

// A host may be known only by ports that are older than the history, or only by the history.
const LIST_HOSTS = statement(`
  select
    hostname,
    coalesce(held.allocations, 0) as allocations,
    changed.at as "lastChangedAt"
  from (
    select hostname, count(*)::integer as allocations
    from ports.allocations
    group by hostname
  ) as held
  full join (
    select hostname, max(occurred_at) as at
    from ports.events
    where hostname is not null
    group by hostname
  ) as changed using (hostname)
  order by hostname`)

export function allocationStore(database: Database): AllocationStore {
  const allocations = new GroupCommit<number>(
    ({ values, subject, signal }) =>
      explainExhausted(
        database,
        database.answer<number>(ALLOCATE, [...values, ...NO_MORE], subject, { signal }),
      ),
    (calls) => database.answers(ALLOCATE_TOGETHER, calls),
  )
  const releases = new GroupCommit<readonly ReleasedPort[]>(
    ({ values, subject, signal }) =>
      database.answer(RELEASE, [...values, undefined], subject, { signal }),
    (calls) => database.answers(RELEASE_TOGETHER, calls),
  )
  const ensure = async (request: EnsureRequest, call: GivingOptions = {}): Promise<EnsuredPort> => {
    const subject = {
      write: true,
      projectName: request.projectName,
      resolveBy: ASK_AGAIN,
    }
    const values = [
      ...keyOf(request, call),
      ...metadataOf(request),
      multirange(request.avoid),
      request.preferredPort,
      request.ttlSeconds,
      jsonOf(call.limits),
    ]
    const rows = database.rows<EnsuredPort>(ENSURE, values, subject, call)
    return (await explainExhausted(database, rows))[0]!
  }
  return {
    async find(key, call = {}) {
      const subject = { write: false, projectName: key.projectName }
      const values = keyOf(key, {}).slice(0, -1)
      const [row] = await database.rows<{ answer: number }>(FIND, values, subject, call)
      return row?.answer
    },

    async getOrAllocate(request, call = {}) {
      const hasMore =
        metadataOf(request).some((value) => value !== undefined) ||
        request.avoid ||
        request.ttlSeconds !== undefined ||
        call.limits
      if (hasMore) return (await ensure(request, call)).portNumber
      const subject = {
        write: true,
        projectName: request.projectName,
        resolveBy: ASK_AGAIN,
      }
      const values = keyOf(request, call)
      return explainExhausted(
        database,
        database.answer<number>(GET_OR_ALLOCATE, values, subject, call),
      )
    },

    ensure,

    async claim(request, call = {}) {
      const { projectName, portNumber, useReservation, ttlSeconds } = request
      const resolveBy = 'Claim it again: that does no harm.'
      const which = [portNumber, useReservation, ttlSeconds, jsonOf(call.limits)]
      const values = [...keyOf(request, call), ...metadataOf(request), ...which]
      return database.answer<boolean>(CLAIM, values, { write: true, projectName, resolveBy }, call)
    },

    async allocate(request, call = {}) {
      const { projectName, idempotencyKey, ttlSeconds } = request
      const values = [...keyOf(request, call), ...metadataOf(request), multirange(request.avoid)]
      const resolveBy =
        idempotencyKey === undefined
          ? `To find out, list the ports of ${projectName}.`
          : 'Ask again under the same key: it gives the port that this call got, if it got one.'
      const subject = { write: true, projectName, resolveBy }
      const more = [idempotencyKey, ttlSeconds, jsonOf(call.limits)]
      if (more.every((value) => value === undefined)) {
        return allocations.run({ projectName, values, subject, signal: call.signal })
      }
      const all = [...values, ...more]
      return explainExhausted(database, database.answer<number>(ALLOCATE, all, subject, call))
    },

    async release(selection, call = {}) {
      const { projectName, portNumber, allocationId } = selection
      const values = [...keyOf(selection, call), portNumber]
      const subject = {
        write: true,
        projectName,
        resolveBy: 'Release it again: that does no harm.',
      }
      const released =
        allocationId === undefined
          ? await releases.run({ projectName, values, subject, signal: call.signal })
          : await database.answer<ReleasedPort[]>(RELEASE, [...values, allocationId], subject, call)
      return released.toSorted(
        (a, b) => a.portNumber - b.portNumber || (a.protocol < b.protocol ? -1 : 1),
      )
    },

    async renew(request, call = {}) {
      const { projectName, portNumber, allocationId, ttlSeconds } = request
      const values = [...keyOf(request, {}).slice(0, -1), portNumber, allocationId, ttlSeconds]
      const subject = { write: true, projectName, resolveBy: 'Renew it again: that does no harm.' }
      return database.rows<RenewedLease>(RENEW, values, subject, call)
    },

    async move(request, call = {}) {
      const { projectName, portNumber, from, useReservation } = request
      const values = [...keyOf(request, call), portNumber, from, useReservation]
      const subject = { write: true, projectName, resolveBy: MOVE_AGAIN }
      const [row] = await database.rows<Stored<MovedPort>>(MOVE, values, subject, call)
      return row!.movedFrom === null ? undefined : row!
    },

    async update(selection, change, call = {}) {
      const { projectName, portNumber } = selection
      const values = [...keyOf(selection, call), portNumber, JSON.stringify(change)]
      const subject = { write: true, projectName, resolveBy: UPDATE_AGAIN }
      return (await database.answer<number>(UPDATE, values, subject, call)) > 0
    },

    async updateOnAllHosts(selection, change, call = {}) {
      const { projectName, serviceName, instance, protocol, portNumber } = selection
      const which = [projectName, serviceName, instance, protocol, call.actor, portNumber]
      const values = [...which, JSON.stringify(change)]
      const subject = { write: true, projectName, resolveBy: UPDATE_AGAIN }
      return (await database.answer<number>(UPDATE_ON_ALL_HOSTS, values, subject, call)) > 0
    },

    async list(query, call = {}) {
      const subject = { write: false, projectName: query.projectName }
      const page = listQuestion(query)
      const all = countQuestion(query)
      const [rows, counted] = await Promise.all([
        database.rows<ListedRow>(page.statement, page.values, subject, call),
        query.limit === undefined
          ? undefined
          : database.answer<number>(all.statement, all.values, subject, call),
      ])
      const allocations = rows.filter((row) => row.id !== null).map(present<PortAllocation>)
      return { allocations, total: counted ?? allocations.length }
    },

    listResting: (query, call) => listResting(database, query, call),

    async neighbourhood({ projectName, hostname, without }, call = {}) {
      const subject = { write: false, projectName }
      const values = [projectName, hostname, without]
      const [names] = await database.rows<Neighbourhood>(NEIGHBOURHOOD, values, subject, call)
      return names!
    },

    async listHosts(call = {}) {
      const rows = await database.rows<Stored<KnownHost>>(LIST_HOSTS, [], { write: false }, call)
      return rows.map(present<KnownHost>)
    },
  }
}

function keyOf(key: ServiceKey | Selection, { actor }: WriteOptions): unknown[] {
  const { projectName, serviceName, instance, hostname, protocol } = key
  return [projectName, serviceName, instance, hostname, protocol, actor]
}

/** A call that may share its transaction has no idempotency key, lease or limits of its own. */
const NO_MORE = [undefined, undefined, undefined]

function jsonOf(limits: Limits | undefined): string | undefined {
  return limits && JSON.stringify(limits)
}

function metadataOf(request: AllocationRequest): (string | undefined)[] {
  return METADATA_FIELDS.map((field) => request[field])
}

/** A statement with the values of its parameters. */
interface Question {
  readonly statement: Statement
  readonly values: readonly unknown[]
}

const METADATA_COLUMNS = METADATA_FIELDS.map(
  (field) => `${field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)} as "${field}"`,
)

/** A service's key begins with its project's key, so the index keeps a project's rows together. */
function isOfProject(parameter: string): string {
  return (
    `service_key between ports.project_key(${parameter}) ` +
    `and ports.project_key(${parameter}) + 4294967295 and project_name = ${parameter}`
  )
}

/**
 * Selects the live allocations that match a query. The text has only the conditions of the query,
 * so that the plan fits them. The last check is looked up by its index for each row. Returns one
 * row of nulls for a project without allocations. Raises `PROJECT_NOT_FOUND` if there is no such
 * project.
 */
function listQuestion(query: ListQuery): Question {
  const { projectName, after, limit } = query
  const values: unknown[] = [limit]
  const parameter = (value: unknown) => `$${values.push(value)}`
  const conditions = [
    ...conditionsOf(query, parameter),
    ...(after === undefined
      ? []
      : [
          `(port_number, hostname, protocol) > (${[after.portNumber, after.hostname, after.protocol]
            .map(parameter)
            .join(', ')})`,
        ]),
  ]
  const held = `(
    select *
    from ports.allocations
    where ${conditions.join('\n      and ')}
    order by port_number, hostname, protocol
    limit $1
  ) as held`
  const from =
    projectName === undefined
      ? held
      : `ports.refuse_unknown_project(${parameter(projectName)}) as known
  left join ${held} on true`
  const text = `
  select
    id,
    project_name as "projectName",
    service_name as "serviceName",
    instance,
    hostname,
    protocol,
    port_number as "portNumber",
    status,
    ${METADATA_COLUMNS.join(',\n    ')},
    allocated_at as "allocatedAt",
    last_used_at as "lastUsedAt",
    lease_ends_at as "leaseEndsAt",
    (
      select checked_at
      from ports.health_checks as seen
      where seen.allocation_id = held.id
        and seen.verdict <> 'unknown'
      order by seen.id desc
      limit 1
    ) as "lastCheckedAt"
  from ${from}
  order by port_number, hostname, protocol`
  return { statement: statement(text), values }
}

/** Counts the allocations that match the query on all pages. */
function countQuestion(query: ListQuery): Question {
  const values: unknown[] = []
  const conditions = conditionsOf(query, (value) => `$${values.push(value)}`)
  const text = `
  select count(*)::integer as answer
  from ports.allocations
  where ${conditions.join('\n    and ')}`
  return { statement: statement(text), values }
}

/** Which allocations a query matches, on all its pages. */
function conditionsOf(
  {
    projectName,
    serviceName,
    hostname,
    protocol,
    portNumber,
    bounds,
    cloudflareHostname,
  }: ListQuery,
  parameter: (value: unknown) => string,
): string[] {
  return [
    'true',
    ...(projectName === undefined ? [] : [isOfProject(parameter(projectName))]),
    ...(serviceName === undefined ? [] : [`service_name = ${parameter(serviceName)}`]),
    ...(hostname === undefined ? [] : [`hostname = ${parameter(hostname)}`]),
    ...(protocol === undefined ? [] : [`protocol = ${parameter(protocol)}`]),
    ...(portNumber === undefined ? [] : [`port_number = ${parameter(portNumber)}`]),
    ...(bounds === undefined
      ? []
      : [`port_number between ${parameter(bounds.startPort)} and ${parameter(bounds.endPort)}`]),
    ...(cloudflareHostname === undefined
      ? []
      : [`cloudflare_hostname = ${parameter(cloudflareHostname)}`]),
  ]
}

/** A row of a list query: of the view, or of nulls for a project without allocations. */
type ListedRow = Stored<PortAllocation> | { readonly id: null }
