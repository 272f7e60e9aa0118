// The reservations over time.

import { MAX_IN_FLIGHT_US } from '../workload.js'
import { groupBy } from './groups.js'
import { type Call, CHANGES_RESERVATIONS, FOREVER, isUnknown } from './histories.js'
import type { Interval } from './intervals.js'
import { Times } from './Times.js'

export type Place = { host?: string; proto?: string; port: number }

/** One process makes and removes it, so its calls do not overlap. */
export interface Reservation {
  readonly numbers: Call
  /** The times at which it may have existed. */
  readonly possible: Interval[]
  /** The times at which it certainly existed. */
  readonly certain: Interval[]
  /** Calls that did not find it although it existed. */
  readonly denied: Call[]
}

export class Reservations {
  all

  /**
   * @param calls in the order of their start
   * @param exitedAt returns when the process of the call died
   */
  constructor(calls: readonly Call[], exitedAt: (call: Call) => number) {
    const changes = calls.filter(({ op }) => CHANGES_RESERVATIONS.has(op))
    this.all = [...groupBy(changes, nameOfReservation).values()].map((ofOne) =>
      reservation(ofOne, exitedAt),
    )
  }

  /** Whether one reservation of the number certainly existed throughout the window. */
  isThroughout(place: Place, { from, until }: Interval) {
    return this.#of(place).some(({ certain }) =>
      certain.some((time) => time.from <= from && time.until >= until),
    )
  }

  /** Returns when the number may have been reserved. */
  possible(place: Place) {
    return this.#of(place).flatMap(({ possible }) => possible)
  }

  #of({ host, proto, port }: Place) {
    return this.all.filter(
      ({ numbers: { startPort = 0, endPort = 0, boundTo, proto: only } }) =>
        port >= startPort &&
        port <= endPort &&
        (boundTo === undefined || boundTo === host) &&
        (only === undefined || only === proto),
    )
  }
}

export function nameOfReservation({
  startPort,
  endPort,
  boundTo,
  proto,
}: {
  startPort?: number
  endPort?: number
  boundTo?: string | null | undefined
  proto?: string | null | undefined
}) {
  return `${startPort}-${endPort}/${boundTo ?? ''}/${proto ?? ''}`
}

/**
 * A call without a reply may take effect later. After such a removal the reservation is uncertain
 * for a time, and after such a reservation its absence is.
 * @param calls in their order
 */
function reservation(calls: readonly Call[], exitedAt: (call: Call) => number): Reservation {
  const possible = new Times()
  const certain = new Times()
  const denied: Call[] = []
  /** Returns until when a call without a reply may take effect. */
  const landsUntil = { reserve: Number.NEGATIVE_INFINITY, unreserve: Number.NEGATIVE_INFINITY }
  for (const call of calls) {
    const op = call.op === 'reserve' ? 'reserve' : 'unreserve'
    if (isUnknown(call)) {
      const lost = call.end === FOREVER ? exitedAt(call) : call.end
      landsUntil[op] = Math.max(landsUntil[op], lost + MAX_IN_FLIGHT_US)
      if (op === 'reserve') possible.begin(call.at)
      else certain.end(call.at)
    } else if (call.ok !== undefined && op === 'reserve') {
      possible.begin(call.at)
      if (call.at >= landsUntil.unreserve) certain.begin(call.end)
    } else if (call.ok !== undefined) {
      if (certain.isOpen && call.ok === 0) denied.push(call)
      certain.end(call.at)
      if (call.at >= landsUntil.reserve) possible.end(call.end)
    }
  }
  const numbers = calls[0] as Call
  return { numbers, possible: possible.all(), certain: certain.all(), denied }
}
