// RANGE_EXHAUSTED is true only if at some moment of the call every number may have been held, and if
// the caller has no port of its own to be told.
import { nameOf, placeOf, scopeOf } from './claims.mjs'
import { groupBy } from './groups.mjs'
import { TAKES_MANY } from './histories.mjs'
import { during, firstAfter, merged, mostAtOnce } from './intervals.mjs'
import { restUntil } from './rests.mjs'
import { checkTooLarge } from './tooLarge.mjs'

/**
 * @typedef {import('./histories.mjs').Call} Call
 * @typedef {import('./intervals.mjs').Interval} Interval
 * @typedef {import('./Ledger.mjs').Doubt} Doubt
 * @typedef {import('./holdings.mjs').Holding} Holding
 */

/**
 * `decided`: how often no get or allocate of unknown outcome made the judgement milder.
 * @param {import('./Ledger.mjs').Ledger} ledger
 * @param {Map<string, Holding[]>} holdings
 * @param {import('./check.mjs').Report} report
 */
export function checkExhausted(ledger, holdings, report) {
  const possible = possiblyUnavailable(ledger)
  const certain = groupBy(
    [...holdings.values()].flat(),
    ({ service, port }) => `${service.name}/${port}`,
  )
  const doubts = groupBy(restingDoubts(ledger), ({ service }) => scopeOf(service))
  const refusals = ledger.calls.filter(({ error }) => error === 'RANGE_EXHAUSTED')
  const isOfMany = (/** @type {Call} */ { op }) => TAKES_MANY.has(op)
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
 * @param {import('./Ledger.mjs').Ledger} ledger
 * @param {Map<string, Holding[]>} certain by service and port
 * @param {Call} call
 */
export function ownPort({ services }, certain, call) {
  const { op, key, at, end } = call
  const name = nameOf(/** @type {any} */ (call))
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

/**
 * By place, the times at which somebody may have held the number.
 * @param {Pick<import('./Ledger.mjs').Ledger, 'services'>} ledger
 * @param {(claim: import('./claims.mjs').Claim) => number} [untilOf]
 */
export function possibleHoldings({ services }, untilOf = ({ possiblyUntil }) => possiblyUntil) {
  const claims = [...services.values()].flatMap((service) => service.claims)
  const places = groupBy(claims, ({ service, port }) => placeOf({ ...service, port }))
  return new Map(
    [...places].map(([place, there]) => [
      place,
      merged(there.map((claim) => ({ from: claim.possiblyFrom, until: untilOf(claim) }))),
    ]),
  )
}

/**
 * By place, the times at which the number may have been held, or may have rested.
 * @param {import('./Ledger.mjs').Ledger} ledger
 */
export function possiblyUnavailable(ledger) {
  return possibleHoldings(ledger, ({ service, possiblyUntil }) =>
    restUntil(ledger, service.project, possiblyUntil),
  )
}

/**
 * The calls of unknown outcome, each as long as what it gave may have been held, or may have rested.
 * @param {import('./Ledger.mjs').Ledger} ledger
 */
export function restingDoubts(ledger) {
  return ledger.doubts.map((doubt) => ({
    ...doubt,
    until: restUntil(ledger, doubt.service.project, doubt.until),
  }))
}

/**
 * The times, around that of the call, at which these numbers may have been held or reserved.
 * @param {import('./Ledger.mjs').Ledger} ledger
 * @param {Call} call
 * @param {readonly number[]} numbers
 * @param {Map<string, Interval[]>} possible
 */
function mayBeUnavailable({ reservations }, { host = '', proto = '', at, end }, numbers, possible) {
  const held = /** @type {Interval[]} */ ([])
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
  #open = /** @type {Interval[]} */ ([])

  /** @param {Doubt[]} doubts */
  constructor(doubts) {
    this.#coming = [...doubts].sort((one, other) => other.from - one.from)
  }

  /** @param {Interval} window */
  during({ from, until }) {
    for (let next = this.#coming.at(-1); next && next.from <= until; next = this.#coming.at(-1)) {
      this.#open.push(next)
      this.#coming.pop()
    }
    this.#open = this.#open.filter((doubt) => doubt.until >= from)
    return this.#open.filter((doubt) => doubt.from <= until)
  }
}
