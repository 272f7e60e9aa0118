// RANGE_EXHAUSTED told to a call that needs several numbers is true only if they may not have fitted
// at some moment of the call.
//
// What is placed first may break up a block that something else needs. So a batch that has several
// blocks, or numbers for both protocols, is not judged.

import type { Report } from './check.js'
import { placeOf, scopeOf } from './claims.js'
import { restingDoubts } from './exhausted.js'
import { groupBy } from './groups.js'
import { type Call, type Item, itemsOf } from './histories.js'
import { during, type Interval, merged, mostAtOnce } from './intervals.js'
import type { Ledger } from './Ledger.js'
import { fits } from './layouts.js'
import { isCertainlyHeld } from './mismatches.js'

/**
 * Returns how many it could judge without regard to calls of unknown outcome.
 * @param possible by place, when somebody may have held the number
 */
export function checkTooLarge(
  ledger: Ledger,
  refusals: readonly Call[],
  possible: Map<string, Interval[]>,
  report: Report,
) {
  const doubts = groupBy(restingDoubts(ledger), ({ service }) => scopeOf(service))
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
      scopeDuring(ledger, call, proto, possible, doubts.get(scopeOf({ ...call, proto })) ?? []),
    )
    const isCertain = scopes.every(({ doubtful }) => doubtful.length === 0)
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
 * `free`: the numbers that nobody may have held or reserved at any moment of the call. `least`: how many were
 * free at each moment.
 */
function scopeDuring(
  ledger: Ledger,
  call: Call,
  proto: string,
  possible: Map<string, Interval[]>,
  doubts: readonly Interval[],
) {
  const { host = '', at, end } = call
  const window = { from: at, until: end }
  const numbers = ledger.ranges.numbersThroughout(call, window)
  const held = numbers.map((port) => {
    const place = { host, proto, port }
    const there = [...(possible.get(placeOf(place)) ?? []), ...ledger.reservations.possible(place)]
    return during(merged(there), window)
  })
  const doubtful = doubts.filter(({ from, until }) => from <= end && until >= at)
  return {
    proto,
    doubtful,
    free: new Set(numbers.filter((_, nth) => held[nth]?.length === 0)),
    least: numbers.length - mostAtOnce(window, [...held.flat(), ...doubtful]),
  }
}
