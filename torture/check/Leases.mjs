// Until when a service holds what it has with a lease. The server adds the length to the time at which
// a call takes effect, which is between its asking and its answer. So the lease ends at some moment from
// the asking to the answer, each with the length added.
import { FOREVER, isUnknown, toldBy } from './histories.mjs'

/**
 * @typedef {import('./claims.mjs').Claim} Claim
 * @typedef {import('./histories.mjs').Call} Call
 * @typedef {import('./Jumps.mjs').Jumps} Jumps
 */

const SECOND_US = 1e6

/** Of one service in its scope: the calls that give leases and renew them. */
export class Leases {
  /** In the order in which they were asked. */
  calls = /** @type {Call[]} */ ([])
  #jumps

  /** @param {Jumps} jumps */
  constructor(jumps) {
    this.#jumps = jumps
  }

  /** Whether the service has ever asked for a lease. */
  get any() {
    return this.calls.length > 0
  }

  /** @param {Call} call */
  add(call) {
    this.calls.push(call)
  }

  /**
   * Until when the port is certainly held, unless it is released.
   * @param {Claim} claim
   */
  certainUntil({ call }) {
    // A port that is asked for without a lease keeps the one that it has.
    if (call.ttl === undefined) return Number.NEGATIVE_INFINITY
    const last = this.#lastOfHolding(call)
    const shortest = this.calls
      .filter((other) => other === last || mayFollow(other, last))
      .map((other) => Math.max(other.at, last.at) + lengthOf(other))
    const until = this.#jumps.certainUntil({ from: last.at, until: Math.min(...shortest) })
    // The holding is the one that the last call was told, so it had not ended before.
    return last === call ? until : Math.max(until, last.at)
  }

  /**
   * Until when the port may be held, unless it is released.
   * @param {Claim} claim
   */
  possiblyUntil({ call, port }) {
    if (call.ttl === undefined) return FOREVER
    return this.#possiblyUntil(call, port, this.calls)
  }

  /**
   * Whether the call was told a holding that had ended before it was asked for.
   * @param {Call} call
   */
  isTooLate(call) {
    const { at, ok } = call
    const before = this.calls.filter((other) => other.at < at && other !== call)
    const told = before.filter((other) => isSame(other, call))
    return told.some((other) => this.#possiblyUntil(other, ok.port, before) < at)
  }

  /**
   * @param {Call} call
   * @param {number} port
   * @param {readonly Call[]} calls
   */
  #possiblyUntil(call, port, calls) {
    let until = this.#latestEnd(call)
    for (const other of calls) {
      if (other.end <= call.at) continue
      if (other.at > until) break
      const isOfPort = toldBy(other).some((told) => told.port === port)
      if (isOfPort || isUnknown(other)) until = Math.max(until, this.#latestEnd(other))
    }
    return until
  }

  /** @param {Call} call */
  #latestEnd(call) {
    if (isUnknown(call)) return FOREVER
    const until = call.end + lengthOf(call)
    return this.#jumps.isDuring({ from: call.at, until }) ? FOREVER : until
  }

  /**
   * The call that was asked last of those that were told this holding.
   * @param {Call} call
   */
  #lastOfHolding(call) {
    return this.calls.findLast((other) => isSame(other, call)) ?? call
  }
}

/**
 * Whether both were told the same holding.
 * @param {Call} one
 * @param {Call} other
 */
function isSame(one, other) {
  return one.ok?.allocation !== undefined && one.ok.allocation === other.ok?.allocation
}

/**
 * Whether it may have taken effect after the other one.
 * @param {Call} call
 * @param {Call} other
 */
function mayFollow(call, other) {
  const isRefused = call.error !== undefined && !isUnknown(call)
  return !isRefused && (isUnknown(call) || call.end > other.at)
}

/** @param {Call} call */
function lengthOf({ ttl = 0 }) {
  return ttl * SECOND_US
}
