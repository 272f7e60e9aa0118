// RANGE_EXHAUSTED is true only if at some moment of the call every number may have been held, and if
// the caller has no port of its own to be told.

import type { Report } from './check.js'
import { type Claim, type Named, nameOf, placeOf, scopeOf } from './claims.js'
import { groupBy } from './groups.js'
import { type Call, TAKES_MANY } from './histories.js'
import type { Holding } from './holdings.js'
import { during, firstAfter, type Interval, merged, mostAtOnce } from './intervals.js'
import type { Doubt, Ledger } from './Ledger.js'
import { restUntil } from './rests.js'
import { checkTooLarge } from './tooLarge.js'

/** `decided`: how often no get or allocate of unknown outcome made the judgement milder. */
export function checkExhausted(ledger: Ledger, holdings: Map<string, Holding[]>, report: Report) {
  const possible = possiblyUnavailable(ledger)
  const certain = groupBy(
    [...holdings.values()].flat(),
    ({ service, port }) => `${service.name}/${port}`,
  )
  const doubts = groupBy(restingDoubts(ledger), ({ service }) => scopeOf(service))
  const refusals = ledger.calls.filter(({ error }) => error === 'RANGE_EXHAUSTED')
  const isOfMany = ({ op }: Call) => TAKES_MANY.has(op)
  let decided = checkTooLarge(ledger, refusals.filter(isOfMany), possible, report)
  const ofOne = refusals.filter((call) => !isOfMany(call))
  for (const [scope, calls] of groupBy(ofOne, scopeOf)) {
    const open = new OpenDoubts(doubts.get(scope) ?? [])
    for (const call of calls) {
      const window = { from: call.at, until: call.end }
      const doubtful = open.during(window)
      const numbers = ledger.ranges.numbersThroughout(call, window)
      const held = mayBeUnavailable(ledger, call, numbers, possible)
      const most = mostAtOnce(window, [...held, ...doubtful])
      if (doubtful.length === 0) decided++
      const own = ownPort(ledger, certain, call)
      if (own !== undefined) report('false RANGE_EXHAUSTED', { call, holds: own })
      if (most < numbers.length) {
        const size = numbers.length
        report('false RANGE_EXHAUSTED', { call, most, size, doubts: doubtful.length })
      }
    }
  }
  return { refused: refusals.length, decided }
}

/**
 * What the caller certainly held all the while, and was to be told instead.
 * @param certain by service and port
 */
export function ownPort({ services }: Ledger, certain: Map<string, Holding[]>, call: Call) {
  const { op, key, at, end } = call
  const name = nameOf(call as Named)
  if (op === 'allocate') {
    if (key === undefined) return undefined
    return services
      .get(name)
      ?.claims.find((claim) => claim.call.key === key && claim.from < at && claim.until > end)?.port
  }
  for (const port of services.get(name)?.claimsByPort.keys() ?? []) {
    const there = certain.get(`${name}/${port}`) ?? []
    const held = there[firstAfter(there, at) - 1]
    if (held && held.from < at && held.until > end) return port
  }
  return undefined
}

/** By place, the times at which somebody may have held the number. */
export function possibleHoldings(
  { services }: Pick<Ledger, 'services'>,
  untilOf: (claim: Claim) => number = ({ possiblyUntil }) => possiblyUntil,
) {
  const claims = [...services.values()].flatMap((service) => service.claims)
  const places = groupBy(claims, ({ service, port }) => placeOf({ ...service, port }))
  return new Map(
    [...places].map(([place, there]) => [
      place,
      merged(there.map((claim) => ({ from: claim.possiblyFrom, until: untilOf(claim) }))),
    ]),
  )
}

/** By place, the times at which the number may have been held, or may have rested. */
export function possiblyUnavailable(ledger: Ledger) {
  return possibleHoldings(ledger, ({ service, possiblyUntil }) =>
    restUntil(ledger, service.project, possiblyUntil),
  )
}

/**
 * The calls of unknown outcome, each as long as what it gave may have been held, or may have rested.
 */
export function restingDoubts(ledger: Ledger) {
  return ledger.doubts.map((doubt) => ({
    ...doubt,
    until: restUntil(ledger, doubt.service.project, doubt.until),
  }))
}

/** The times, around that of the call, at which these numbers may have been held or reserved. */
function mayBeUnavailable(
  { reservations }: Ledger,
  { host = '', proto = '', at, end }: Call,
  numbers: readonly number[],
  possible: Map<string, Interval[]>,
) {
  const held: Interval[] = []
  for (const port of numbers) {
    const place = { host, proto, port }
    const there = [...(possible.get(placeOf(place)) ?? []), ...reservations.possible(place)]
    held.push(...during(merged(there), { from: at, until: end }))
  }
  return held
}

/** Asked for one call after the other, in the order of time. */
class OpenDoubts {
  #coming
  #open: Interval[] = []

  constructor(doubts: Doubt[]) {
    this.#coming = [...doubts].sort((one, other) => other.from - one.from)
  }

  during({ from, until }: Interval) {
    for (let next = this.#coming.at(-1); next && next.from <= until; next = this.#coming.at(-1)) {
      this.#open.push(next)
      this.#coming.pop()
    }
    this.#open = this.#open.filter((doubt) => doubt.until >= from)
    return this.#open.filter((doubt) => doubt.from <= until)
  }
}
