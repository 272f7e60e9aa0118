// Checks that an ended lease is never renewed or moved, that a move keeps the end, and that
// LEASE_LOST is returned only if the lease may have ended.
import type { Report } from './check.js'
import { type Named, nameOf, type Service } from './claims.js'
import { type Call, TELLS_HOLDING } from './histories.js'
import type { Ledger } from './Ledger.js'
import { isOtherEnd, WRONG_LEASE_END } from './leaseEvents.js'

export const RENEWED_AFTER_END = 'lease renewed after its end'

export function checkLeases(ledger: Ledger, report: Report) {
  for (const call of ledger.calls) {
    const service = ledger.services.get(nameOf(call as Named))
    if (!service) continue
    if (TELLS_HOLDING.has(call.op) && call.ok && service.leases.isTooLate(call)) {
      report(RENEWED_AFTER_END, call)
    }
    if (call.op === 'move' && call.ok) checkPassedOn(service, call, report)
    if (call.error === 'LEASE_LOST' && isHeld(service, call)) report('false LEASE_LOST', call)
  }
}

function checkPassedOn({ leases }: Service, move: Call, report: Report) {
  const { endsAt } = move.ok
  const before = leases.passedOnBy(move)
  const told = before?.ok.endsAt
  const hasLease = endsAt !== undefined
  // Get does not return the end of the lease.
  const hadLease = told !== undefined || before?.ttl !== undefined
  const isOther = hasLease !== hadLease || (told !== undefined && isOtherEnd(endsAt, told))
  if (isOther && (before || !leases.any))
    report(WRONG_LEASE_END, { move, before: before ?? 'no lease' })
}

/** Whether the service certainly held that allocation throughout the call. */
function isHeld({ claimsByPort, leases }: Service, { at, end, port = 0, holding }: Call) {
  const claims = leases.mayBeUnseen(port, { from: at, until: end })
    ? []
    : (claimsByPort.get(port) ?? [])
  return claims.some(
    ({ call, from, until }) =>
      from < at && until > end && (holding === undefined || holding === call.ok.allocation),
  )
}
