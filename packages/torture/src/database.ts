// The final state according to the server: the table and its indexes.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Server } from '@ports/testkit'
import type { Table } from './checker/check.js'
import type { Records } from './checker/events.js'
import { HOSTS, now, WITHOUT_RESTS } from './workload.js'

const QUIET_TIMEOUT_MS = 120_000

/**
 * Takes effect for new sessions. The embedded server keeps errors out of its log, but settings of a
 * role override that. Details of errors are omitted because there are hundreds of errors a second.
 */
export async function logErrors(server: Server) {
  await server.query(`alter role ports set log_min_messages = 'error'`)
  await server.query(`alter role ports set log_min_error_statement = 'panic'`)
  await server.query(`alter role ports set log_error_verbosity = 'terse'`)
}

/** Waits until no call of a worker is in progress. */
export async function untilQuiet(server: Server) {
  const giveUpAt = performance.now() + QUIET_TIMEOUT_MS
  for (;;) {
    const [row] = await server.retry(
      `select count(*)::integer as busy
       from pg_stat_activity
       where application_name = 'ports'
         and (state <> 'idle' or backend_xid is not null)`,
    )
    if (row.busy === 0) return
    if (performance.now() > giveUpAt)
      throw new Error(`${row.busy} calls of dead workers do not end`)
    await sleep(100)
  }
}

export async function readTable(server: Pick<Server, 'retry'>): Promise<Table> {
  const at = now()
  const rows = await server.retry(
    `select project_name as project, service_name as service, instance, hostname as host,
       protocol as proto, port_number as port
     from ports.allocations`,
  )
  return { at, end: now() + 1, rows }
}

export async function readRecords(server: Pick<Server, 'retry'>): Promise<Records> {
  const where = `project_name as project, service_name as service, instance, hostname as host,
    protocol as proto, port_number as port`
  // The views omit ended leases. Their rows are held until a call releases them.
  const rows = await server.retry(
    `select ${where}, id::float8 as allocation
     from ports.port_allocations
     where status <> 'released'`,
  )
  const events = await server.retry(
    `select id::float8, xid::text as transaction, actor, what, allocation_id::float8 as allocation,
       extract(epoch from occurred_at)::float8 * 1000 as dated, ${where}
     from ports.events
     where allocation_id is not null`,
  )
  const reservations = await server.retry(
    `select start_port as "startPort", end_port as "endPort", hostname as "boundTo",
       protocol as proto
     from ports.reservations`,
  )
  // These events have no project and no port.
  const reservationEvents = await server.retry(
    `select id::float8, actor, what, hostname as "boundTo", protocol as proto,
       (coalesce(after, before) ->> 'startPort')::integer as "startPort",
       (coalesce(after, before) ->> 'endPort')::integer as "endPort"
     from ports.events
     where what in ('reserved', 'unreserved')`,
  )
  return { rows, events, reservations, reservationEvents }
}

/**
 * Counts the scopes that removed hosts have left, for the project with the most. Without the project
 * whose numbers rest: its scopes stay until the rest is over and another host is new.
 */
export async function countAbandonedScopes(server: Server) {
  const [row] = await server.retry(
    `select coalesce(max(scopes), 0)::integer as most
     from (
       select count(distinct (hostname, protocol)) as scopes
       from ports.port_allocations
       where hostname <> all ($1)
         and project_name = any ($2)
       group by project_name
     ) as counted`,
    [HOSTS, WITHOUT_RESTS.map(({ projectName }) => projectName)],
  )
  return row.most
}

/** Counts the idempotency keys under which a service has more than one port. */
export async function countSharedKeys(server: Server) {
  const [row] = await server.retry(
    `select count(*)::integer as count
     from (
       select
       from ports.port_allocations
       where status <> 'released'
         and idempotency_key is not null
       group by project_name, service_name, instance, hostname, protocol, idempotency_key
       having count(*) > 1
     ) as shared`,
  )
  return row.count
}

/** Returns the findings of amcheck, or undefined if the server does not have it. */
export async function corruption(server: Server) {
  const [available] = await server.retry(
    `select from pg_available_extensions where name = 'amcheck'`,
  )
  if (!available) return undefined
  return server.with(async (client) => {
    await client.query('create extension if not exists amcheck')
    const { rows: relations } = await client.query(
      `select pg_class.oid::regclass::text as name, amname
       from pg_class
       join pg_am on pg_am.oid = relam
       where relnamespace = 'ports'::regnamespace
         and amname in ('btree', 'heap')`,
    )
    const found: string[] = []
    for (const { name, amname } of relations) {
      const text =
        amname === 'heap'
          ? 'select msg from verify_heapam($1::regclass)'
          : 'select null as msg from bt_index_parent_check($1::regclass, true, true)'
      try {
        const { rows } = await client.query(text, [name])
        for (const { msg } of rows) if (msg) found.push(`${name}: ${msg}`)
      } catch (error) {
        found.push(`${name}: ${(error as Error).message}`)
      }
    }
    return { checked: relations.length, found }
  })
}
