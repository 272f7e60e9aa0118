// Checks that a project, or the actors of a limit, never hold more ports on all hosts than the
// limit, or get more in a minute. LIMIT_REACHED is correct only if the request may have exceeded
// the limit at some moment of the call.

import { LIMITS, type Limit } from '../workload.js'
import type { Report } from './check.js'
import { nameOf, type Service } from './claims.js'
import { ownPort, possibleHoldings } from './exhausted.js'
import { askedBy, checkGiven, isUnder, PossiblyGiven } from './givenPorts.js'
import { groupBy } from './groups.js'
import { type Call, FOREVER, TAKES_MANY } from './histories.js'
import type { Holding } from './holdings.js'
import { during, mostAtOnce } from './intervals.js'
import type { Ledger } from './Ledger.js'
import type { Seen } from './lists.js'

export const OVER_LIMIT = 'more ports held than the limit'

const ALL = Object.values(LIMITS) as Limit[]

export function checkLimits(ledger: Ledger, holdings: Map<string, Holding[]>, report: Report) {
  const all = [...holdings.values()].flat()
  for (const limit of ALL) {
    checkHeld(ledger, limit, all, report)
    checkGiven(ledger, limit, report)
  }
  const certain = groupBy(all, ({ service, port }) => `${service.name}/${port}`)
  const rooms = ALL.map((limit) => new Room(ledger, limit))
  for (const call of ledger.calls) {
    if (call.error !== 'LIMIT_REACHED') continue
    const own = TAKES_MANY.has(call.op) ? undefined : ownPort(ledger, certain, call)
    if (own !== undefined) report('false LIMIT_REACHED', { call, holds: own })
    const left = rooms.filter(({ limit }) => isUnder(limit, call)).map((room) => room.during(call))
    const isReached = left.some(({ held, given }) => askedBy(call) > Math.min(held, given))
    if (!isReached) report('false LIMIT_REACHED', { call, left })
  }
}

/** The remaining capacity of a limit. */
class Room {
  limit: Limit
  /** By number, the times at which a holder under the limit may have held it. */
  #held
  #unknownOutcomes
  #given

  constructor(ledger: Ledger, limit: Limit) {
    this.limit = limit
    const services = new Map(
      [...ledger.services].filter(([, service]) => takersOf(service).some(isOf(limit))),
    )
    this.#held = [...possibleHoldings({ services }).values()]
    this.#unknownOutcomes = ledger.unknownOutcomes.filter(({ service }) =>
      services.has(service.name),
    )
    this.#given = new PossiblyGiven(ledger, limit)
  }

  /** Returns how many more ports may be held and taken at every moment of the call. */
  during(call: Call) {
    const { maxPorts, perMinute } = this.limit
    return {
      held: maxPorts === undefined ? FOREVER : maxPorts - this.#mostHeld(call),
      given: perMinute === undefined ? FOREVER : perMinute - this.#given.countedDuring(call),
    }
  }

  #mostHeld({ at, end }: Call) {
    const window = { from: at, until: end }
    const numbers = this.#held.flatMap((there) => during(there, window))
    return mostAtOnce(window, [...numbers, ...this.#unknownOutcomes])
  }
}

function checkHeld(
  { services, jumps }: Ledger,
  limit: Limit,
  holdings: readonly Holding[],
  report: Report,
) {
  const { maxPorts = FOREVER } = limit
  const own = new Set(
    [...services.values()].filter((service) => takersOf(service).every(isOf(limit))),
  )
  const spans = holdings
    .filter(({ service }) => own.has(service))
    // A lease that ended by a jumped clock may continue when the clock is set back.
    .filter(({ service, ...span }) => !(service.leases.any && jumps.isDuring(span)))
    // A release may take effect as soon as it starts.
    .map(({ from, until }) => ({ from, until: until - 1 }))
  const held = mostAtOnce({ from: 0, until: FOREVER }, spans)
  if (held > maxPorts) report(OVER_LIMIT, { limit, held })
}

/** The calls that may have taken the ports of the service. The actor of the call is the holder. */
function takersOf({ claims, unknown }: Service) {
  return [...claims.map(({ call }) => call), ...unknown]
}

function isOf(limit: Limit) {
  return (call: Call) => isUnder(limit, call)
}

/**
 * Checks a list, a dump or the table. They do not show the actors. A lease may have ended during
 * the list, and its port may have been taken again.
 */
export function checkCount({ services }: Ledger, { what, at, rows }: Seen, report: Report) {
  for (const { projectName, maxPorts = FOREVER } of ALL) {
    if (projectName === undefined) continue
    const held = rows.filter(
      (row) => row.project === projectName && !services.get(nameOf(row))?.leases.any,
    ).length
    if (held > maxPorts) report(OVER_LIMIT, { project: projectName, held, maxPorts, in: what, at })
  }
}
