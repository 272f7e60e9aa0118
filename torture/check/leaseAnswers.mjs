// A lease that has ended is never renewed or moved, a move leaves its end as it is, and LEASE_LOST is told
// only of a holding that may have ended.
import { nameOf } from './claims.mjs'
import { TELLS_HOLDING } from './histories.mjs'
import { isOtherEnd, OTHER_END } from './leaseEvents.mjs'

/**
 * @typedef {import('./check.mjs').Report} Report
 * @typedef {import('./histories.mjs').Call} Call
 * @typedef {import('./Ledger.mjs').Ledger} Ledger
 */

export const TOO_LATE = 'lease renewed after its end'

/**
 * @param {Ledger} ledger
 * @param {Report} report
 */
export function checkLeases(ledger, report) {
  for (const call of ledger.calls) {
    const service = ledger.services.get(nameOf(/** @type {any} */ (call)))
    if (!service) continue
    if (TELLS_HOLDING.has(call.op) && call.ok && service.leases.isTooLate(call)) {
      report(TOO_LATE, call)
    }
    if (call.op === 'move' && call.ok) checkPassedOn(service, call, report)
    if (call.error === 'LEASE_LOST' && isHeld(service, call)) report('false LEASE_LOST', call)
  }
}

/**
 * @param {import('./claims.mjs').Service} service
 * @param {Call} move
 * @param {Report} report
 */
function checkPassedOn({ leases }, move, report) {
  const { endsAt } = move.ok
  const before = leases.passedOnBy(move)
  const told = before?.ok.endsAt
  const hasLease = endsAt !== undefined
  // A get is not told when its lease ends.
  const hadLease = told !== undefined || before?.ttl !== undefined
  const isOther = hasLease !== hadLease || (told !== undefined && isOtherEnd(endsAt, told))
  if (isOther && (before || !leases.any)) report(OTHER_END, { move, before: before ?? 'no lease' })
}

/**
 * Whether the service certainly held that all the while.
 * @param {import('./claims.mjs').Service} service
 * @param {Call} call
 */
function isHeld({ claimsByPort, leases }, { at, end, port = 0, holding }) {
  const claims = leases.mayBeUnseen(port, { from: at, until: end })
    ? []
    : (claimsByPort.get(port) ?? [])
  return claims.some(
    ({ call, from, until }) =>
      from < at && until > end && (holding === undefined || holding === call.ok.allocation),
  )
}
