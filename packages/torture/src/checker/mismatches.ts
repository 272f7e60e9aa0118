// Checks that LAYOUT_MISMATCH is returned only if a service may have held ports with another
// layout.

import type { Report } from './check.js'
import { type Claim, type Named, nameOf } from './claims.js'
import { groupBy } from './groups.js'
import { type Call, type Item, itemsOf, TAKES_MANY } from './histories.js'
import type { Ledger } from './Ledger.js'
import { fits } from './layouts.js'

/** `decided` counts the calls with a service that certainly held another layout. */
export function checkMismatches(ledger: Ledger, report: Report) {
  const outcomes = groupBy(ledger.unknownOutcomes, ({ service }) => service.name)
  const refusals = ledger.calls.filter(
    ({ op, error }) => TAKES_MANY.has(op) && error === 'LAYOUT_MISMATCH',
  )
  let decided = 0
  for (const call of refusals) {
    const held = itemsOf(call).map((item) => ({ item, ...heldOf(ledger, outcomes, call, item) }))
    const mayMismatch = held.some(
      ({ item, certain, possible, isUnclear }) =>
        isUnclear || (isAny(possible) && !fits(item, certain)),
    )
    if (!mayMismatch) report('false LAYOUT_MISMATCH', call)
    const mustMismatch = held.some(
      ({ item, certain, possible, isUnclear }) =>
        !isUnclear && isAny(certain) && !fits(item, possible),
    )
    if (mustMismatch) decided++

    function isAny(numbersOf: (proto: string) => Set<number>) {
      return ['tcp', 'udp'].some((proto) => numbersOf(proto).size > 0)
    }
  }
  return { refused: refusals.length, decided }
}

/** Whether the service certainly held the requested ports throughout the call. */
export function isCertainlyHeld(ledger: Ledger, call: Call, item: Item) {
  return fits(item, heldOf(ledger, new Map(), call, item).certain)
}

/** The ports that the service held during the call, for the protocols and the key of the item. */
function heldOf(
  ledger: Ledger,
  outcomes: Map<string, unknown[]>,
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
  const open = [...names.values()].flatMap((name) => outcomes.get(name) ?? []) as {
    from: number
    until: number
  }[]
  return {
    certain: held(({ from, until }) => from < at && until > end),
    possible: held(({ possiblyFrom, possiblyUntil }) => possiblyFrom <= end && possiblyUntil >= at),
    isUnclear: mayBeUnsure && open.some(({ from, until }) => from <= end && until >= at),
  }
}
