import { type CheckStore, type Health, INITIAL_NETWORK, type RecordedCheck } from '@ports/core'
import type { Database } from '../Database.js'
import { statement } from '../runStatement.js'
import { present, type Stored } from './present.js'

const RECORD = statement('select ports.record_health_checks($1, $2, $3)')

const HEALTH = statement(`
  with checked as (
    select
      allocation_id,
      verdict,
      checked_at,
      verdict <> lag(verdict) over (partition by allocation_id order by id) as is_change
    from ports.health_checks
    where allocation_id = any ($1::bigint[])
      and verdict <> 'unknown'
  )
  select
    allocation_id as id,
    count(*)::integer as checks,
    min(checked_at) as "oldestCheckAt",
    (count(*) filter (where verdict = 'listening'))::integer as listening,
    max(checked_at) filter (where verdict = 'listening') as "lastListeningAt",
    (count(*) filter (where is_change))::integer as changes,
    (count(*) filter (where is_change and checked_at > now() - interval '1 hour'))::integer
      as "changesInLastHour"
  from checked
  group by allocation_id`)

const CHECKS = statement(`
  select checked_at as "checkedAt", verdict, process
  from ports.health_checks
  where allocation_id = $1
  order by id desc
  limit $2`)
const NOTE_NETWORK = statement('select ports.note_network($1, $2, $3) as answer')

/**
 * The name of the only host of an embedded registry in the table of hosts, whatever it is called
 * elsewhere.
 */
const ONLY_HOST = 'localhost'

/** @param servesOneHost whether all callers are on the machine of the server */
export function checkStore(database: Database, servesOneHost: boolean): CheckStore {
  return {
    async recordChecks(checks, call = {}) {
      await database.rows(
        RECORD,
        [
          checks.map((check) => check.allocationId),
          checks.map((check) => check.verdict),
          checks.map(({ process }) => (process ? JSON.stringify(process) : null)),
        ],
        { write: true, resolveBy: 'Audit again: that does no harm.' },
        call,
      )
    },

    async healthOf(allocationIds, call = {}) {
      if (allocationIds.length === 0) return new Map()
      const rows = await database.rows<Stored<Health> & { readonly id: string }>(
        HEALTH,
        [allocationIds],
        { write: false },
        call,
      )
      return new Map(rows.map(({ id, ...health }) => [id, present<Health>(health)]))
    },

    async checksOf(allocationId, limit, call = {}) {
      const rows = await database.rows<Stored<RecordedCheck>>(
        CHECKS,
        [allocationId, limit],
        { write: false },
        call,
      )
      return rows.map((row) => present<RecordedCheck>(row))
    },

    async networkOf(hostname, network, call = {}) {
      const values = servesOneHost
        ? [ONLY_HOST, network, 'nothing']
        : [hostname, network, 'another-boot']
      const subject = { write: true, resolveBy: 'Check again: that does no harm.' }
      const known = await database.answer<string | null>(NOTE_NETWORK, values, subject, call)
      return known ?? undefined
    },

    async assumedNetworkOf(hostname, network, call = {}) {
      const values = [servesOneHost ? ONLY_HOST : hostname, network, 'nothing']
      const known = await database.answer<string | null>(
        NOTE_NETWORK,
        values,
        { write: false },
        call,
      )
      if (servesOneHost) return known ?? undefined
      return known === null || isOfAnotherBoot(known, network) ? network : known
    },
  }
}

/** Decides as `note_network` does for `another-boot`. */
function isOfAnotherBoot(known: string, network: string): boolean {
  const bootOf = (each: string) => each.split('/')[0]
  return known !== INITIAL_NETWORK && bootOf(known) !== bootOf(network)
}

/**
 * Records that the only host's services are in the network namespace of this process, because it
 * made the registry or started its server. A record of the initial namespace is kept.
 */
export async function noteOwnNetwork(database: Database, network: string): Promise<void> {
  // A caller that opens the registry asked for no change, so no outcome can be unknown.
  await database.answer(NOTE_NETWORK, [ONLY_HOST, network, 'any'], { write: false }, {})
}
