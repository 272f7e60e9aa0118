// A project, or the actors that share a limit, never hold more ports than that, on all hosts together, and
// are never given more in a minute; and LIMIT_REACHED is told only if what was asked for may have been too
// many at some moment of the call.

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

export const OVER = 'more ports held than the limit'

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

/** What a limit leaves. */
class Room {
  limit: Limit
  /** By number, the times at which somebody whom the limit is for may have held it. */
  #held
  #doubts
  #given

  constructor(ledger: Ledger, limit: Limit) {
    this.limit = limit
    const services = new Map(
      [...ledger.services].filter(([, service]) => takersOf(service).some(isOf(limit))),
    )
    this.#held = [...possibleHoldings({ services }).values()]
    this.#doubts = ledger.doubts.filter(({ service }) => services.has(service.name))
    this.#given = new PossiblyGiven(ledger, limit)
  }

  /** How many ports more may be held, and given, at every moment of the call. */
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
    return mostAtOnce(window, [...numbers, ...this.#doubts])
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
    // A lease that had ended by a clock that has jumped may go on when the clock is set back.
    .filter(({ service, ...span }) => !(service.leases.any && jumps.isDuring(span)))
    // A release that is asked for may have taken effect at once.
    .map(({ from, until }) => ({ from, until: until - 1 }))
  const held = mostAtOnce({ from: 0, until: FOREVER }, spans)
  if (held > maxPorts) report(OVER, { limit, held })
}

/** The calls that may have given the service its ports. Who asked for a port holds it. */
function takersOf({ claims, unknown }: Service) {
  return [...claims.map(({ call }) => call), ...unknown]
}

function isOf(limit: Limit) {
  return (call: Call) => isUnder(limit, call)
}

/**
 * What a list or a dump shows, or the table: it does not show who asked for a port. A lease may have ended
 * after the list was begun, and the port been given again.
 */
export function checkCount({ services }: Ledger, { what, at, rows }: Seen, report: Report) {
  for (const { projectName, maxPorts = FOREVER } of ALL) {
    if (projectName === undefined) continue
    const held = rows.filter(
      (row) => row.project === projectName && !services.get(nameOf(row))?.leases.any,
    ).length
    if (held > maxPorts) report(OVER, { project: projectName, held, maxPorts, in: what, at })
  }
}
