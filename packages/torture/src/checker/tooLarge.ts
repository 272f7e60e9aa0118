// Checks RANGE_EXHAUSTED for calls that need several numbers: they may not have fitted at some
// moment of the call.
//
// Earlier items may split a block that a later one needs. So batches with several blocks, or with
// numbers for both protocols, are not checked.

import type { Report } from './check.js'
import { placeOf, scopeOf } from './claims.js'
import { restingOutcomes } from './exhausted.js'
import { groupBy } from './groups.js'
import { type Call, type Item, itemsOf } from './histories.js'
import { during, type Interval, merged, mostAtOnce } from './intervals.js'
import type { Ledger } from './Ledger.js'
import { fits } from './layouts.js'
import { isCertainlyHeld } from './mismatches.js'

/**
 * Returns how many refusals no unknown outcome could explain.
 * @param possible by place, the times at which the number may have been held
 */
export function checkTooLarge(
  ledger: Ledger,
  refusals: readonly Call[],
  possible: Map<string, Interval[]>,
  report: Report,
) {
  const outcomes = groupBy(restingOutcomes(ledger), ({ service }) => scopeOf(service))
  let decided = 0
  for (const call of refusals) {
    const items = itemsOf(call)
    const mayBeKept = call.op === 'ensureMany' || call.key !== undefined
    if (mayBeKept && items.every((item) => isCertainlyHeld(ledger, call, item))) {
      report('false RANGE_EXHAUSTED', { call, held: true })
      continue
    }
    const special = items.filter(isSpecial)
    const scopes = [...new Set(items.flatMap(({ protocols }) => protocols))].map((proto) =>
      scopeDuring(ledger, call, proto, possible, outcomes.get(scopeOf({ ...call, proto })) ?? []),
    )
    const isCertain = scopes.every(({ unclear }) => unclear.length === 0)
    if (special.length > 1 || (special.length === 1 && !isCertain)) continue
    if (isCertain) decided++
    const free = (proto: string) =>
      scopes.find((scope) => scope.proto === proto)?.free ?? new Set<number>()
    const fitted =
      special.every((item) => fits(item, free)) &&
      scopes.every(({ proto, least, free: { size } }) => {
        const needed = items
          .filter(({ protocols }) => protocols.includes(proto))
          .reduce((sum, { count }) => sum + count, 0)
        return needed <= (special.length === 0 ? least : size)
      })
    if (fitted) report('false RANGE_EXHAUSTED', { call, scopes: scopes.map(({ least }) => least) })
  }
  return decided
}

function isSpecial({ count, contiguous, protocols }: Item) {
  return (contiguous && count > 1) || protocols.length > 1
}

/**
 * `free` has the numbers that were certainly neither held nor reserved during the call. `least` is
 * the minimum of free numbers at any moment.
 */
function scopeDuring(
  ledger: Ledger,
  call: Call,
  proto: string,
  possible: Map<string, Interval[]>,
  outcomes: readonly Interval[],
) {
  const { host = '', at, end } = call
  const window = { from: at, until: end }
  const numbers = ledger.ranges.numbersThroughout(call, window)
  const held = numbers.map((port) => {
    const place = { host, proto, port }
    const there = [...(possible.get(placeOf(place)) ?? []), ...ledger.reservations.possible(place)]
    return during(merged(there), window)
  })
  const unclear = outcomes.filter(({ from, until }) => from <= end && until >= at)
  return {
    proto,
    unclear,
    free: new Set(numbers.filter((_, nth) => held[nth]?.length === 0)),
    least: numbers.length - mostAtOnce(window, [...held.flat(), ...unclear]),
  }
}
