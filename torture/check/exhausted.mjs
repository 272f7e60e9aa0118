// RANGE_EXHAUSTED is true only if at some moment of the call every number may have been held, and if
// the caller has no port of its own to be told.
import { PROJECTS } from '../workload.mjs'
import { nameOf, placeOf, scopeOf } from './claims.mjs'
import { groupBy } from './groups.mjs'
import { firstAfter, merged, mostAtOnce } from './intervals.mjs'

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
  const possible = possibleHoldings(ledger)
  const certain = groupBy(
    [...holdings.values()].flat(),
    ({ service, port }) => `${service.name}/${port}`,
  )
  const doubts = groupBy(ledger.doubts, ({ service }) => scopeOf(service))
  const refusals = ledger.calls.filter(({ error }) => error === 'RANGE_EXHAUSTED')
  let decided = 0
  for (const [scope, calls] of groupBy(refusals, scopeOf)) {
    const open = new OpenDoubts(doubts.get(scope) ?? [])
    for (const call of calls) {
      const window = { from: call.at, until: call.end }
      const doubtful = open.during(window)
      const { held, size } = mayBeHeld(call, possible)
      const most = mostAtOnce(window, [...held, ...doubtful])
      if (doubtful.length === 0) decided++
      const own = ownPort(ledger, certain, call)
      if (own !== undefined) report('false RANGE_EXHAUSTED', { call, holds: own })
      if (most < size) {
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
function ownPort({ services }, certain, call) {
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
 * @param {import('./Ledger.mjs').Ledger} ledger
 */
export function possibleHoldings({ services }) {
  const claims = [...services.values()].flatMap((service) => service.claims)
  const places = groupBy(claims, ({ service, port }) => placeOf({ ...service, port }))
  return new Map(
    [...places].map(([place, there]) => [
      place,
      merged(there.map((claim) => ({ from: claim.possiblyFrom, until: claim.possiblyUntil }))),
    ]),
  )
}

/**
 * The times, around that of the call, at which numbers of its range may have been held.
 * @param {Call} call
 * @param {Map<string, Interval[]>} possible
 */
function mayBeHeld({ project, host = '', proto = '', at, end }, possible) {
  const range = PROJECTS.find(({ projectName }) => projectName === project)
  if (!range) throw new Error(`no such project: ${project}`)
  const held = /** @type {Interval[]} */ ([])
  for (let port = range.startPort; port <= range.endPort; port++) {
    const there = possible.get(placeOf({ host, proto, port })) ?? []
    for (let index = firstAfter(there, end) - 1; index >= 0; index--) {
      const interval = /** @type {Interval} */ (there[index])
      if (interval.until < at) break
      held.push(interval)
    }
  }
  return { held, size: range.endPort - range.startPort + 1 }
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
