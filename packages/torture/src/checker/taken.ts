// Checks that PORT_TAKEN is returned only if another service may have held the number during the
// call, or the number may have rested.

import type { Report } from './check.js'
import { placeOf, scopeOf } from './claims.js'
import { possiblyUnavailable, restingOutcomes } from './exhausted.js'
import { groupBy } from './groups.js'
import type { Ledger } from './Ledger.js'

export function checkTaken(ledger: Ledger, report: Report) {
  const possible = possiblyUnavailable(ledger)
  const outcomes = groupBy(restingOutcomes(ledger), ({ service }) => scopeOf(service))
  for (const call of ledger.calls) {
    if ((call.op !== 'claim' && call.op !== 'move') || call.error !== 'PORT_TAKEN') continue
    const { host = '', proto = '', wanted = 0, at, end } = call
    const held = possible.get(placeOf({ host, proto, port: wanted })) ?? []
    const mayBeHeld = [...held, ...(outcomes.get(scopeOf(call)) ?? [])].some(
      ({ from, until }) => from < end && until > at,
    )
    if (!mayBeHeld) report('false PORT_TAKEN', call)
  }
}
