import type { EventQuery, EventStore, PortEvent } from '@ports/core'
import type { Database } from '../Database.js'
import { type Statement, statement } from '../runStatement.js'
import { present, type Stored } from './present.js'

export function eventStore(database: Database): EventStore {
  return {
    async history(query, call = {}) {
      const question = historyQuestion(query)
      const rows = await database.rows<EventRow>(
        question.statement,
        question.values,
        { write: false },
        call,
      )
      const page = rows.slice(0, query.limit)
      const last = page.at(-1)
      return {
        events: page.map(toEvent),
        ...(rows.length > page.length &&
          last && { next: { transaction: BigInt(last.transaction), id: BigInt(last.id) } }),
      }
    },
  }
}

/** The text has only the conditions of the query, so that the plan fits them. */
function historyQuestion(query: EventQuery): { statement: Statement; values: readonly unknown[] } {
  const { projectName, serviceName, portNumber, actor, since, before, limit } = query
  // One row more than the limit tells whether there is a next page.
  const values: unknown[] = [limit + 1]
  const parameter = (value: unknown) => `$${values.push(value)}`
  const conditions = [
    ...(projectName === undefined ? [] : [`project_name = ${parameter(projectName)}`]),
    ...(serviceName === undefined ? [] : [`service_name = ${parameter(serviceName)}`]),
    ...(portNumber === undefined ? [] : [isAbout(parameter(portNumber))]),
    ...(actor === undefined ? [] : [`actor = ${parameter(actor)}`]),
    ...(since === undefined ? [] : [`occurred_at >= ${parameter(since)}`]),
    ...(before === undefined
      ? []
      : [`(xid, id) < (${parameter(before.transaction)}::xid8, ${parameter(before.id)}::bigint)`]),
  ]
  const text = `
  select
    id,
    xid::text as transaction,
    occurred_at as at,
    actor,
    role_name as role,
    call,
    what,
    project_name as "projectName",
    service_name as "serviceName",
    instance,
    hostname,
    protocol,
    port_number as "portNumber",
    allocation_id as "allocationId",
    before,
    after
  from ports.events
  where xid < pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())
    ${conditions.map((condition) => `and ${condition}`).join('\n    ')}
  order by xid desc, id desc
  limit $1`
  return { statement: statement(text), values }
}

/** The number itself, or the numbers of a reservation. Events of ranges are about projects. */
function isAbout(portNumber: string): string {
  const bound = (end: string) =>
    `(coalesce(after, before) operator(pg_catalog.->>) '${end}'::text)::integer`
  return (
    `(port_number = ${portNumber} or (what in ('reserved', 'unreserved') ` +
    `and ${portNumber} between ${bound('startPort')} and ${bound('endPort')}))`
  )
}

type EventRow = Stored<PortEvent> & { readonly transaction: string }

function toEvent({ transaction: _, ...row }: EventRow): PortEvent {
  return present<PortEvent>(row)
}
