// Which numbers are reserved when.
import { LANDED_AFTER_US } from '../workload.mjs'
import { groupBy } from './groups.mjs'
import { CHANGES_RESERVATIONS, FOREVER, isUnknown } from './histories.mjs'
import { Times } from './Times.mjs'

/**
 * @typedef {import('./histories.mjs').Call} Call
 * @typedef {import('./intervals.mjs').Interval} Interval
 * @typedef {{ host?: string, proto?: string, port: number }} Place
 *
 * One process at a time makes and removes it, so that its calls do not overlap.
 * @typedef {object} Reservation
 * @property {Call} numbers
 * @property {Interval[]} possible when it may have been there, by time
 * @property {Interval[]} certain when it was there, by time
 * @property {Call[]} denied calls that were told it was gone when it was there
 */

export class Reservations {
  all

  /**
   * @param {readonly Call[]} calls in the order in which they were asked
   * @param {(call: Call) => number} diedAt when the process ended whose call it was
   */
  constructor(calls, diedAt) {
    const changes = calls.filter(({ op }) => CHANGES_RESERVATIONS.has(op))
    this.all = [...groupBy(changes, nameOfReservation).values()].map((ofOne) =>
      reservation(ofOne, diedAt),
    )
  }

  /**
   * Whether one reservation of the number was certainly there all the while.
   * @param {Place} place
   * @param {Interval} window
   */
  isThroughout(place, { from, until }) {
    return this.#of(place).some(({ certain }) =>
      certain.some((time) => time.from <= from && time.until >= until),
    )
  }

  /**
   * When the number may have been reserved.
   * @param {Place} place
   */
  possible(place) {
    return this.#of(place).flatMap(({ possible }) => possible)
  }

  /** @param {Place} place */
  #of({ host, proto, port }) {
    return this.all.filter(
      ({ numbers: { startPort = 0, endPort = 0, boundTo, proto: only } }) =>
        port >= startPort &&
        port <= endPort &&
        (boundTo === undefined || boundTo === host) &&
        (only === undefined || only === proto),
    )
  }
}

/**
 * @param {{ startPort?: number, endPort?: number, boundTo?: string | null | undefined, proto?: string | null | undefined }} numbers
 */
export function nameOfReservation({ startPort, endPort, boundTo, proto }) {
  return `${startPort}-${endPort}/${boundTo ?? ''}/${proto ?? ''}`
}

/**
 * A call without an answer may take effect later. After such a removal the reservation is not certain
 * for a time, and after such a reservation its absence is not.
 * @param {readonly Call[]} calls in their order
 * @param {(call: Call) => number} diedAt
 * @returns {Reservation}
 */
function reservation(calls, diedAt) {
  const possible = new Times()
  const certain = new Times()
  const denied = /** @type {Call[]} */ ([])
  /** Until when one that had no answer may land. */
  const landsUntil = { reserve: Number.NEGATIVE_INFINITY, unreserve: Number.NEGATIVE_INFINITY }
  for (const call of calls) {
    const op = call.op === 'reserve' ? 'reserve' : 'unreserve'
    if (isUnknown(call)) {
      const lost = call.end === FOREVER ? diedAt(call) : call.end
      landsUntil[op] = Math.max(landsUntil[op], lost + LANDED_AFTER_US)
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
  const numbers = /** @type {Call} */ (calls[0])
  return { numbers, possible: possible.all(), certain: certain.all(), denied }
}
