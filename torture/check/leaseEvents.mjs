// The event of a lease that ended: it is dated at the end that its last call was told, also where that was
// a move.
import { WITHOUT_CHANGE } from './allocations.mjs'
import { nameOf } from './claims.mjs'
import { isUnknown, TELLS_HOLDING, toldBy } from './histories.mjs'

/**
 * @typedef {import('./check.mjs').Report} Report
 * @typedef {import('./events.mjs').Told} Told
 * @typedef {import('./histories.mjs').Call} Call
 * @typedef {import('./Ledger.mjs').Ledger} Ledger
 */

export const OTHER_END = 'lease with another end than was told'

/** The server counts in microseconds. The histories have what is left of them. */
const ROUNDED_MS = 1

/**
 * @param {Ledger} ledger
 * @param {Map<number, Told>} told by the id of the holding
 * @param {Report} report
 */
export function checkLeaseEvents(ledger, told, report) {
  const calls = callsByHolding(ledger)
  for (const [allocation, { allocated, released }] of told) {
    if (released?.what !== 'lease-ended' || !allocated) continue
    if (!mayHaveLease(ledger, ledger.callNamed(allocated.actor))) {
      report(WITHOUT_CHANGE, { released, 'has no lease': allocated })
      continue
    }
    const last = calls.get(String(allocation))
    if (!last || isUnsure(ledger, allocated, last)) continue
    if (isOtherEnd(last.ok.endsAt, released.dated)) report(OTHER_END, { released, last })
  }
}

/**
 * Whether what the call made may have a lease: a move passes on the one that there was.
 * @param {Ledger} ledger
 * @param {Call | undefined} call
 */
export function mayHaveLease({ services }, call) {
  if (call?.op !== 'move') return call?.ttl !== undefined
  return services.get(nameOf(/** @type {any} */ (call)))?.leases.any === true
}

/**
 * @param {number | undefined} one
 * @param {number} other
 */
export function isOtherEnd(one = Number.NaN, other) {
  return !(Math.abs(one - other) <= ROUNDED_MS)
}

/**
 * The last call that was told the holding, by its id.
 * @param {Ledger} ledger
 */
function callsByHolding({ calls }) {
  const last = /** @type {Map<string, Call>} */ (new Map())
  for (const call of calls) {
    if (TELLS_HOLDING.has(call.op) && call.ok) last.set(call.ok.allocation, call)
  }
  return last
}

/**
 * Whether another call may have changed the end after that one, or at the same time.
 * @param {Ledger} ledger
 * @param {import('./events.mjs').Event} allocated
 * @param {Call} last
 */
function isUnsure({ services }, allocated, last) {
  const name = nameOf(allocated)
  const { calls = [] } = services.get(name)?.leases ?? {}
  return calls.some(
    (call) =>
      call !== last &&
      (isUnknown(call) ||
        (call.end > last.at && toldBy(call).some(({ port }) => port === allocated.port))),
  )
}
