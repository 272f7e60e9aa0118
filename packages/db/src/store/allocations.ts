import {
  type AllocationRequest,
  type AllocationStore,
  type ListQuery,
  METADATA_FIELDS,
  type PortAllocation,
  type ReleasedPort,
  type Selection,
  type ServiceKey,
  type WriteOptions,
} from '@ports/core'
import type { Database } from '../Database.js'
import { GroupCommit } from '../GroupCommit.js'
import { ProjectLanes } from '../ProjectLanes.js'
import { type Statement, statement } from '../runStatement.js'
import type { ExhaustedErrors } from './exhausted.js'
import { present } from './present.js'

// Whoever holds a port already is told by the look alone, as fast as a look can be; the function is
// called by the same statement for the others. No condition on a parameter: the plan would be
// cheaper for each value of it than for all, and so be made anew for every call.
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
    ports.get_or_allocate_port($1, $2, $4, $5, null, null, null, $3, $6)
  ) as answer`)

const GET_OR_ALLOCATE_WITH_METADATA = statement(`
  select ports.get_or_allocate_port(
    p_project_name => $1, p_service_name => $2, p_instance => $3, p_hostname => $4,
    p_protocol => $5, p_actor => $6,
    p_service_type => $7, p_description => $8, p_cloudflare_hostname => $9
  ) as answer`)

const ALLOCATE = statement(`
  select ports.allocate_port(
    p_project_name => $1, p_service_name => $2, p_instance => $3, p_hostname => $4,
    p_protocol => $5, p_actor => $6,
    p_service_type => $7, p_description => $8, p_cloudflare_hostname => $9,
    p_idempotency_key => $10
  ) as answer`)

const ALLOCATE_TOGETHER = statement(`
  select turn, port_number as answer
  from ports.allocate_ports(
    p_project_names => $1, p_service_names => $2, p_instances => $3, p_hostnames => $4,
    p_protocols => $5, p_actors => $6,
    p_service_types => $7, p_descriptions => $8, p_cloudflare_hostnames => $9
  )`)

const RELEASE = statement(`
  select ports.release_ports(
    p_project_name => $1, p_service_name => $2, p_instance => $3, p_hostname => $4,
    p_protocol => $5, p_actor => $6, p_port_number => $7
  ) as answer`)

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

export function allocationStore(database: Database, exhausted: ExhaustedErrors): AllocationStore {
  const lanes = new ProjectLanes(database.connections)
  const allocations = new GroupCommit<number>(
    ({ projectName, values, subject, signal }) =>
      exhausted.explained(
        lanes.run(projectName, signal, () =>
          database.answer<number>(ALLOCATE, [...values, undefined], subject, { signal }),
        ),
      ),
    (calls) =>
      lanes.run(calls[0]!.projectName, undefined, () =>
        database.answers<number>(ALLOCATE_TOGETHER, calls),
      ),
  )
  const releases = new GroupCommit<readonly ReleasedPort[]>(
    ({ projectName, values, subject, signal }) =>
      lanes.run(projectName, signal, () =>
        database.answer<readonly ReleasedPort[]>(RELEASE, values, subject, { signal }),
      ),
    (calls) =>
      lanes.run(calls[0]!.projectName, undefined, () =>
        database.answers<readonly ReleasedPort[]>(RELEASE_TOGETHER, calls),
      ),
  )
  return {
    async getOrAllocate(request, call = {}) {
      const subject = {
        write: true,
        resolveBy: 'Ask again: it gives the same port, or one if there is none.',
      }
      const key = keyOf(request, call)
      const metadata = metadataOf(request)
      const answer = lanes.run(request.projectName, call.signal, () =>
        metadata.every((value) => value === undefined)
          ? database.answer<number>(GET_OR_ALLOCATE, key, subject, call)
          : database.answer<number>(
              GET_OR_ALLOCATE_WITH_METADATA,
              [...key, ...metadata],
              subject,
              call,
            ),
      )
      return exhausted.explained(answer)
    },

    async allocate(request, call = {}) {
      const { projectName, idempotencyKey } = request
      const values = [...keyOf(request, call), ...metadataOf(request)]
      if (idempotencyKey === undefined) {
        const subject = { write: true, resolveBy: `To find out, list the ports of ${projectName}.` }
        return allocations.run({ projectName, values, subject, signal: call.signal })
      }
      const subject = {
        write: true,
        resolveBy:
          'Ask again under the same key: it gives the port that this call got, if it got one.',
      }
      return exhausted.explained(
        lanes.run(projectName, call.signal, () =>
          database.answer<number>(ALLOCATE, [...values, idempotencyKey], subject, call),
        ),
      )
    },

    async release(selection, call = {}) {
      const released = await releases.run({
        projectName: selection.projectName,
        values: [...keyOf(selection, call), selection.portNumber],
        subject: { write: true, resolveBy: 'Release it again: that does no harm.' },
        signal: call.signal,
      })
      return released.toSorted(
        (a, b) => a.portNumber - b.portNumber || (a.protocol < b.protocol ? -1 : 1),
      )
    },

    async update(selection, change, call = {}) {
      const values = [...keyOf(selection, call), selection.portNumber, JSON.stringify(change)]
      const subject = { write: true, resolveBy: 'Update it again: that does no harm.' }
      const updated = await lanes.run(selection.projectName, call.signal, () =>
        database.answer<number>(UPDATE, values, subject, call),
      )
      return updated > 0
    },

    async list(query, call = {}) {
      const page = listQuestion(query)
      const all = countQuestion(query)
      const [rows, counted] = await Promise.all([
        database.rows<ListedRow>(page.statement, page.values, { write: false }, call),
        query.limit === undefined
          ? undefined
          : database.answer<number>(all.statement, all.values, { write: false }, call),
      ])
      const allocations = rows.filter(({ id }) => id !== null).map(toAllocation)
      return { allocations, total: counted ?? allocations.length }
    },
  }
}

function keyOf(key: ServiceKey | Selection, { actor }: WriteOptions): unknown[] {
  const { projectName, serviceName, instance, hostname, protocol } = key
  return [projectName, serviceName, instance, hostname, protocol, actor]
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

/** A service's key begins with its project's: the index has the rows of a project together. */
function isOfProject(parameter: string): string {
  return (
    `service_key between ports.project_key(${parameter}) ` +
    `and ports.project_key(${parameter}) + 4294967295 and project_name = ${parameter}`
  )
}

/**
 * The live allocations that a query asks for. The text has only the conditions that the query has,
 * so that the plan fits them. A check is looked up by its index for each row that is returned. One
 * row of nulls where a project has none; `PROJECT_NOT_FOUND` where there is no such project.
 */
function listQuestion({ projectName, after, limit }: ListQuery): Question {
  const values: unknown[] = [limit]
  const parameter = (value: unknown) => `$${values.push(value)}`
  const project = projectName === undefined ? undefined : parameter(projectName)
  const conditions = [
    'true',
    ...(project === undefined ? [] : [isOfProject(project)]),
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
    project === undefined
      ? held
      : `ports.refuse_unknown_project(${project}) as known
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

/** How many allocations the query matches on all pages. */
function countQuestion({ projectName }: ListQuery): Question {
  const all = 'select count(*)::integer as answer from ports.allocations'
  return projectName === undefined
    ? { statement: statement(all), values: [] }
    : { statement: statement(`${all} where ${isOfProject('$1')}`), values: [projectName] }
}

/** A row of the view as a list query returns it. */
type ListedRow = { readonly [Field in keyof PortAllocation]-?: PortAllocation[Field] | null }

function toAllocation(row: ListedRow): PortAllocation {
  return present(row) as unknown as PortAllocation
}
