// PORT_TAKEN is true only if another service may have held the number at some moment of the call, or
// the number may have rested.

import type { Report } from './check.js'
import { placeOf, scopeOf } from './claims.js'
import { possiblyUnavailable, restingDoubts } from './exhausted.js'
import { groupBy } from './groups.js'
import type { Ledger } from './Ledger.js'

export function checkTaken(ledger: Ledger, report: Report) {
  const possible = possiblyUnavailable(ledger)
  const doubts = groupBy(restingDoubts(ledger), ({ service }) => scopeOf(service))
  for (const call of ledger.calls) {
    if ((call.op !== 'claim' && call.op !== 'move') || call.error !== 'PORT_TAKEN') continue
    const { host = '', proto = '', wanted = 0, at, end } = call
    const held = possible.get(placeOf({ host, proto, port: wanted })) ?? []
    const mayBeHeld = [...held, ...(doubts.get(scopeOf(call)) ?? [])].some(
      ({ from, until }) => from < end && until > at,
    )
    if (!mayBeHeld) report('false PORT_TAKEN', call)
  }
}
