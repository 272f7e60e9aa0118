// Checks that the event of an ended lease has the time that the last call, or move, returned.

import { WITHOUT_CHANGE } from './allocations.js'
import type { Report } from './check.js'
import { type Named, nameOf } from './claims.js'
import type { Event, Told } from './events.js'
import { type Call, isUnknown, TELLS_HOLDING, toldBy } from './histories.js'
import type { Ledger } from './Ledger.js'

export const WRONG_LEASE_END = 'lease with the wrong end'

/** The server has microseconds, the histories only milliseconds. */
const ROUNDED_MS = 1

/** @param told by the id of the allocation */
export function checkLeaseEvents(ledger: Ledger, told: Map<number, Told>, report: Report) {
  const calls = callsByHolding(ledger)
  for (const [allocation, { allocated, released }] of told) {
    if (released?.what !== 'lease-ended' || !allocated) continue
    if (!mayHaveLease(ledger, ledger.callNamed(allocated.actor))) {
      report(WITHOUT_CHANGE, { released, 'has no lease': allocated })
      continue
    }
    const last = calls.get(String(allocation))
    if (!last || isUnsure(ledger, allocated, last)) continue
    if (isOtherEnd(last.ok.endsAt, released.dated)) report(WRONG_LEASE_END, { released, last })
  }
}

/** Whether the allocation of the call may have a lease. A move keeps an existing one. */
export function mayHaveLease({ services }: Ledger, call: Call | undefined) {
  if (call?.op !== 'move') return call?.ttl !== undefined
  return services.get(nameOf(call as Named))?.leases.any === true
}

export function isOtherEnd(one: number | undefined = Number.NaN, other: number) {
  return !(Math.abs(one - other) <= ROUNDED_MS)
}

/** The last call that returned the allocation, by its id. */
function callsByHolding({ calls }: Ledger) {
  const last = new Map<string, Call>()
  for (const call of calls) {
    if (TELLS_HOLDING.has(call.op) && call.ok) last.set(call.ok.allocation, call)
  }
  return last
}

/**
 * Whether the end may have been changed later: by another call, or by an attempt of the last one
 * that took effect after its repetition.
 */
function isUnsure({ services }: Ledger, allocated: Event, last: Call) {
  const name = nameOf(allocated)
  const { calls = [] } = services.get(name)?.leases ?? {}
  return calls.some(
    (call) =>
      isUnknown(call) ||
      (call !== last &&
        call.end > last.at &&
        toldBy(call).some(({ port }) => port === allocated.port)),
  )
}
