import { type BatchAllocation, type BatchStore, METADATA_FIELDS, type Protocol } from '@ports/core'
import type { Database } from '../Database.js'
import { statement } from '../runStatement.js'
import { multirange } from './multirange.js'
import { present, type Stored } from './present.js'

const ALLOCATE_BATCH = `ports.allocate_batch(
    p_project_name => $1, p_instance => $2, p_hostname => $3, p_actor => $4,
    p_service_type => $5, p_description => $6, p_cloudflare_hostname => $7,
    p_items => $8, p_avoid_tcp => $9, p_avoid_udp => $10, p_ttl => $11, p_limits => $12
  )`

const ENSURE_MANY = statement(`
  select
    (allocation).id,
    (allocation).project_name as "projectName",
    (allocation).service_name as "serviceName",
    (allocation).instance,
    (allocation).hostname,
    (allocation).protocol,
    (allocation).port_number as "portNumber",
    (allocation).status,
    (allocation).service_type as "serviceType",
    (allocation).description,
    (allocation).cloudflare_hostname as "cloudflareHostname",
    (allocation).allocated_at as "allocatedAt",
    (allocation).last_used_at as "lastUsedAt",
    (allocation).ends_at as "leaseEndsAt",
    (
      select checked_at
      from ports.health_checks as seen
      where seen.allocation_id = (allocation).id
        and seen.verdict <> 'unknown'
      order by seen.id desc
      limit 1
    ) as "lastCheckedAt",
    created,
    passed_over as "passedOver",
    resting
  from ${ALLOCATE_BATCH}`)

const ALLOCATE_MANY = statement(`
  select array_agg((allocation).port_number order by (allocation).port_number) as answer
  from ${ALLOCATE_BATCH}`)

type BatchRow = Stored<BatchAllocation> & Record<'passedOver' | 'resting', readonly number[]>

function ofProtocol({ protocol }: BatchRow, numbers: readonly number[]) {
  return numbers.map((portNumber) => ({ portNumber, protocol: protocol as Protocol }))
}

export function batchStore(database: Database): BatchStore {
  return {
    async ensureMany(request, call = {}) {
      const { projectName, instance, hostname, items, avoid } = request
      const values = [
        ...[projectName, instance, hostname, call.actor],
        ...METADATA_FIELDS.map((field) => request[field]),
        JSON.stringify(
          items.map(({ serviceName, ...item }) => ({ ...item, service: serviceName })),
        ),
        multirange(avoid?.tcp),
        multirange(avoid?.udp),
        request.ttlSeconds,
        call.limits && JSON.stringify(call.limits),
      ]
      const resolveBy = 'Ask again: it gives the same ports, or new ones if there are none.'
      const subject = { write: true, projectName, resolveBy }
      const rows = await database.rows<BatchRow>(ENSURE_MANY, values, subject, call)
      return {
        allocations: rows.map(({ passedOver, resting, ...row }) => present<BatchAllocation>(row)),
        passedOver: rows.flatMap((row) => ofProtocol(row, row.passedOver)),
        resting: rows.flatMap((row) => ofProtocol(row, row.resting)),
      }
    },

    async allocateMany(request, call = {}) {
      const { projectName, serviceName, instance, hostname, protocol } = request
      const { count, contiguous, idempotencyKey, avoid } = request
      const item = { service: serviceName, protocols: [protocol], count, contiguous }
      const values = [
        ...[projectName, instance, hostname, call.actor],
        ...METADATA_FIELDS.map((field) => request[field]),
        JSON.stringify([{ ...item, additional: true, idempotencyKey }]),
        multirange(protocol === 'tcp' ? avoid : []),
        multirange(protocol === 'udp' ? avoid : []),
        request.ttlSeconds,
        call.limits && JSON.stringify(call.limits),
      ]
      const resolveBy =
        idempotencyKey === undefined
          ? `To find out, list the ports of ${projectName}.`
          : 'Ask again under the same key: it gives the ports that this call got, if it got any.'
      const subject = { write: true, projectName, resolveBy }
      return database.answer<number[]>(ALLOCATE_MANY, values, subject, call)
    },
  }
}
