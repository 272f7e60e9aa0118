// LAYOUT_MISMATCH is true only if a service of the call may have held ports that are not what was
// asked for it.

import type { Report } from './check.js'
import { type Claim, type Named, nameOf } from './claims.js'
import { groupBy } from './groups.js'
import { type Call, type Item, itemsOf, TAKES_MANY } from './histories.js'
import type { Ledger } from './Ledger.js'
import { fits } from './layouts.js'

/** `decided`: how often a service certainly held ports that were not what was asked for it. */
export function checkMismatches(ledger: Ledger, report: Report) {
  const doubts = groupBy(ledger.doubts, ({ service }) => service.name)
  const refusals = ledger.calls.filter(
    ({ op, error }) => TAKES_MANY.has(op) && error === 'LAYOUT_MISMATCH',
  )
  let decided = 0
  for (const call of refusals) {
    const held = itemsOf(call).map((item) => ({ item, ...heldOf(ledger, doubts, call, item) }))
    const mayMismatch = held.some(
      ({ item, certain, possible, isDoubtful }) =>
        isDoubtful || (isAny(possible) && !fits(item, certain)),
    )
    if (!mayMismatch) report('false LAYOUT_MISMATCH', call)
    const mustMismatch = held.some(
      ({ item, certain, possible, isDoubtful }) =>
        !isDoubtful && isAny(certain) && !fits(item, possible),
    )
    if (mustMismatch) decided++

    function isAny(numbersOf: (proto: string) => Set<number>) {
      return ['tcp', 'udp'].some((proto) => numbersOf(proto).size > 0)
    }
  }
  return { refused: refusals.length, decided }
}

/** Whether the service certainly held what the item asks for, all the while. */
export function isCertainlyHeld(ledger: Ledger, call: Call, item: Item) {
  return fits(item, heldOf(ledger, new Map(), call, item).certain)
}

/** What the service held of the item's protocols during the call, by its key if it has one. */
function heldOf(
  ledger: Ledger,
  doubts: Map<string, unknown[]>,
  call: Call,
  { service, protocols }: Item,
) {
  const { at, end } = call
  const names = new Map(
    protocols.map((proto) => [proto, nameOf({ ...(call as Named), service, proto })]),
  )
  const counts = ({ call: other }: Claim) =>
    call.op === 'ensureMany' || (call.key !== undefined && call.key === other.key)
  const held = (isHeld: (claim: Claim) => boolean) => (proto: string) => {
    const claims = ledger.services.get(names.get(proto) ?? '')?.claims ?? []
    return new Set(claims.filter((claim) => counts(claim) && isHeld(claim)).map(({ port }) => port))
  }
  const mayBeUnsure = call.op === 'ensureMany' || call.key !== undefined
  const open = [...names.values()].flatMap((name) => doubts.get(name) ?? []) as {
    from: number
    until: number
  }[]
  return {
    certain: held(({ from, until }) => from < at && until > end),
    possible: held(({ possiblyFrom, possiblyUntil }) => possiblyFrom <= end && possiblyUntil >= at),
    isDoubtful: mayBeUnsure && open.some(({ from, until }) => from <= end && until >= at),
  }
}
