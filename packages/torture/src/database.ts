// What the server itself says at the end: the table and its indexes.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Table } from './check/check.js'
import type { Records } from './check/events.js'
import type { Server } from './server/Server.js'
import { HOSTS, now } from './workload.js'

const PATIENCE_MS = 120_000

/**
 * From the next session on. The embedded server keeps errors out of its log; a role's settings
 * override its own. What else belongs to an error is left out: there are hundreds of errors a
 * second.
 */
export async function logErrors(server: Server) {
  await server.query(`alter role ports set log_min_messages = 'error'`)
  await server.query(`alter role ports set log_min_error_statement = 'panic'`)
  await server.query(`alter role ports set log_error_verbosity = 'terse'`)
}

/** Until nothing is under way any more that a worker asked for. */
export async function untilQuiet(server: Server) {
  const giveUpAt = performance.now() + PATIENCE_MS
  for (;;) {
    const [row] = await server.insist(
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

export async function readTable(server: Server): Promise<Table> {
  const at = now()
  const rows = await server.insist(
    `select project_name as project, service_name as service, instance, hostname as host,
       protocol as proto, port_number as port
     from ports.allocations`,
  )
  return { at, end: now() + 1, rows }
}

export async function readRecords(server: Server): Promise<Records> {
  const where = `project_name as project, service_name as service, instance, hostname as host,
    protocol as proto, port_number as port`
  // A lease that has ended is in no view. Its row is held until a call releases it.
  const rows = await server.insist(
    `select ${where}, id::float8 as allocation
     from ports.port_allocations
     where status <> 'released'`,
  )
  const events = await server.insist(
    `select id::float8, xid::text as transaction, actor, what, allocation_id::float8 as allocation,
       extract(epoch from occurred_at)::float8 * 1000 as dated, ${where}
     from ports.events
     where allocation_id is not null`,
  )
  const reservations = await server.insist(
    `select start_port as "startPort", end_port as "endPort", hostname as "boundTo",
       protocol as proto
     from ports.reservations`,
  )
  // They have no project, and no number of their own.
  const reservationEvents = await server.insist(
    `select id::float8, actor, what, hostname as "boundTo", protocol as proto,
       (coalesce(after, before) ->> 'startPort')::integer as "startPort",
       (coalesce(after, before) ->> 'endPort')::integer as "endPort"
     from ports.events
     where what in ('reserved', 'unreserved')`,
  )
  return { rows, events, reservations, reservationEvents }
}

/** Counts the scopes with slots on hosts that are gone, for the project that has most of them. */
export async function countBygoneScopes(server: Server) {
  const [row] = await server.insist(
    `select coalesce(max(scopes), 0)::integer as most
     from (
       select count(distinct (hostname, protocol)) as scopes
       from ports.port_allocations
       where hostname not in (${HOSTS.map((host) => `'${host}'`).join(', ')})
       group by project_name
     ) as counted`,
  )
  return row.most
}

/** Idempotency keys under which a service has more than one port. */
export async function countSharedKeys(server: Server) {
  const [row] = await server.insist(
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

/** What amcheck finds, or undefined where the server comes without it. */
export async function corruption(server: Server) {
  const [available] = await server.insist(
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
