// Checks RANGE_EXHAUSTED: at some moment of the call every number may have been held, and the
// caller held no port that could be returned.

import type { Report } from './check.js'
import { type Claim, type Named, nameOf, placeOf, scopeOf } from './claims.js'
import { groupBy } from './groups.js'
import { type Call, TAKES_MANY } from './histories.js'
import type { Holding } from './holdings.js'
import { during, firstAfter, type Interval, merged, mostAtOnce } from './intervals.js'
import type { Ledger, UnknownOutcome } from './Ledger.js'
import { restUntil } from './rests.js'
import { checkTooLarge } from './tooLarge.js'

/** `decided` counts the refusals that no unknown outcome could explain. */
export function checkExhausted(ledger: Ledger, holdings: Map<string, Holding[]>, report: Report) {
  const possible = possiblyUnavailable(ledger)
  const certain = groupBy(
    [...holdings.values()].flat(),
    ({ service, port }) => `${service.name}/${port}`,
  )
  const outcomes = groupBy(restingOutcomes(ledger), ({ service }) => scopeOf(service))
  const refusals = ledger.calls.filter(({ error }) => error === 'RANGE_EXHAUSTED')
  const isOfMany = ({ op }: Call) => TAKES_MANY.has(op)
  let decided = checkTooLarge(ledger, refusals.filter(isOfMany), possible, report)
  const ofOne = refusals.filter((call) => !isOfMany(call))
  for (const [scope, calls] of groupBy(ofOne, scopeOf)) {
    const open = new OpenOutcomes(outcomes.get(scope) ?? [])
    for (const call of calls) {
      const window = { from: call.at, until: call.end }
      const unclear = open.during(window)
      const numbers = ledger.ranges.numbersThroughout(call, window)
      const held = mayBeUnavailable(ledger, call, numbers, possible)
      const most = mostAtOnce(window, [...held, ...unclear])
      if (unclear.length === 0) decided++
      const own = ownPort(ledger, certain, call)
      if (own !== undefined) report('false RANGE_EXHAUSTED', { call, holds: own })
      if (most < numbers.length) {
        const size = numbers.length
        report('false RANGE_EXHAUSTED', { call, most, size, outcomes: unclear.length })
      }
    }
  }
  return { refused: refusals.length, decided }
}

/**
 * Returns a port that the caller certainly held throughout the call and that would have been its
 * answer.
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
    if (op === 'claim' && call.wanted !== port) continue
    const there = certain.get(`${name}/${port}`) ?? []
    const held = there[firstAfter(there, at) - 1]
    if (held && held.from < at && held.until > end) return port
  }
  return undefined
}

/** By place, the times at which the number may have been held. */
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

/** By place, the times at which the number may have been held or resting. */
export function possiblyUnavailable(ledger: Ledger) {
  return possibleHoldings(ledger, ({ service, possiblyUntil }) =>
    restUntil(ledger, service.project, possiblyUntil),
  )
}

/** The unknown outcomes, each until its numbers certainly neither are held nor rest. */
export function restingOutcomes(ledger: Ledger) {
  return ledger.unknownOutcomes.map((outcome) => ({
    ...outcome,
    until: restUntil(ledger, outcome.service.project, outcome.until),
  }))
}

/** The times during the call at which these numbers may have been held or reserved. */
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

/** Must be queried in the order of time. */
class OpenOutcomes {
  #coming
  #open: Interval[] = []

  constructor(outcomes: UnknownOutcome[]) {
    this.#coming = [...outcomes].sort((one, other) => other.from - one.from)
  }

  during({ from, until }: Interval) {
    for (let next = this.#coming.at(-1); next && next.from <= until; next = this.#coming.at(-1)) {
      this.#open.push(next)
      this.#coming.pop()
    }
    this.#open = this.#open.filter((outcome) => outcome.until >= from)
    return this.#open.filter((outcome) => outcome.from <= until)
  }
}
