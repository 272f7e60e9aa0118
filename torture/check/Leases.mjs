// Until when a service holds what it has with a lease. The server adds the length to the time at which
// a call takes effect, which is between its asking and its answer. So the lease ends at some moment from
// the asking to the answer, each with the length added. A move passes the lease on as it is.
import { FOREVER, isUnknown, toldBy } from './histories.mjs'

/**
 * @typedef {import('./claims.mjs').Claim} Claim
 * @typedef {import('./histories.mjs').Call} Call
 * @typedef {import('./Jumps.mjs').Jumps} Jumps
 */

const SECOND_US = 1e6

/** Of one service in its scope: the calls that give leases and renew them, and the moves. */
export class Leases {
  /** In the order in which they were asked. */
  calls = /** @type {Call[]} */ ([])
  /** With those that take ports without a lease. */
  #takes = /** @type {Call[]} */ ([])
  #jumps
  #any = false

  /** @param {Jumps} jumps */
  constructor(jumps) {
    this.#jumps = jumps
  }

  /** Whether the service has ever asked for a lease. */
  get any() {
    return this.#any
  }

  /**
   * A call that takes ports.
   * @param {Call} call
   */
  add(call) {
    this.#takes.push(call)
    if (call.ttl !== undefined) this.#any = true
    if (call.ttl !== undefined || call.op === 'move') this.calls.push(call)
  }

  /**
   * The call that was told the holding with which the move began, and has set the end of its lease or passed
   * it on. Undefined where that is not certain.
   * @param {Call} move
   * @returns {Call | undefined}
   */
  passedOnBy(move) {
    if (!move.ok || isUnknown(move)) return undefined
    const others = this.#takes.filter((call) => call !== move && !isRefused(call))
    const before = others.findLast(({ at }) => at < move.at)
    if (!before || isUnknown(before) || !this.calls.includes(before)) return undefined
    const isBeside = others.some(
      (call) => call !== before && call.at < move.end && mayFollow(call, before),
    )
    const held = move.ok.moved ? move.ok.from : move.ok.port
    return !isBeside && toldBy(before).some(({ port }) => port === held) ? before : undefined
  }

  /**
   * Until when the port is certainly held, unless it is released.
   * @param {Claim} claim
   */
  certainUntil({ call }) {
    const last = this.#lastOfHolding(call)
    const setter = this.#setterOf(last)
    // A port that is asked for without a lease keeps the one that it has.
    if (this.#setterOf(call) === undefined || setter === undefined) return Number.NEGATIVE_INFINITY
    const shorter = this.calls
      .filter((other) => other !== last && other.op !== 'move' && mayFollow(other, last))
      .map((other) => Math.max(other.at, last.at) + lengthOf(other))
    const ends = Math.min(setter.at + lengthOf(setter), ...shorter)
    const until = this.#jumps.certainUntil({ from: setter.at, until: ends })
    // The holding is the one that the last call was told, so it had not ended before.
    return last === call ? until : Math.max(until, last.at)
  }

  /**
   * Until when the port may be held, unless it is released.
   * @param {Claim} claim
   */
  possiblyUntil({ call, port }) {
    return this.#setterOf(call) ? this.#possiblyUntil(call, port, this.calls) : FOREVER
  }

  /**
   * Whether the call was told a holding, or moved one, that had ended before it was asked for.
   * @param {Call} call
   */
  isTooLate(call) {
    const { op, at, ok } = call
    const before = this.calls.filter((other) => other.at < at && other !== call)
    const isOver = (/** @type {Call} */ other, /** @type {number} */ port) =>
      this.#setterOf(other) !== undefined && this.#possiblyUntil(other, port, before) < at
    const moved = op === 'move' && ok.moved ? this.passedOnBy(call) : undefined
    if (moved && isOver(moved, ok.from)) return true
    return before.some((other) => isSame(other, call) && isOver(other, ok.port))
  }

  /**
   * Whether a list may lack a port that is held all the while. A call that renews a lease shortly before its
   * end may be seen to have done so only afterwards. Who would take the number waits for that call; a list
   * does not.
   * @param {number} port
   * @param {import('./intervals.mjs').Interval} window
   */
  mayBeUnseen(port, { from, until }) {
    return this.calls.some((call, nth) => {
      const isUnderWay = call.at < until && (isUnknown(call) || call.end > from)
      if (!isUnderWay || isRefused(call) || !mayTell(call, port)) return false
      const before = this.calls.slice(0, nth).filter((other) => mayTell(other, port))
      const last = before.at(-1)
      return before.some(
        (other) =>
          (other === last || mayFollow(other, /** @type {Call} */ (last))) &&
          this.#earliestEnd(other) < until,
      )
    })
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
  #earliestEnd(call) {
    const setter = this.#setterOf(call)
    if (isUnknown(call) || setter === undefined) return Number.NEGATIVE_INFINITY
    return this.#jumps.certainUntil({ from: setter.at, until: setter.at + lengthOf(setter) })
  }

  /** @param {Call} call */
  #latestEnd(call) {
    const setter = this.#setterOf(call)
    if (isUnknown(call) || setter === undefined) return FOREVER
    const until = setter.end + lengthOf(setter)
    return this.#jumps.isDuring({ from: setter.at, until }) ? FOREVER : until
  }

  /**
   * The call that has set the end of the lease that this one was told. Undefined where that is not certain,
   * or there is no lease.
   * @param {Call} call
   * @returns {Call | undefined}
   */
  #setterOf(call) {
    if (call.op !== 'move') return call.ttl === undefined ? undefined : call
    const before = this.passedOnBy(call)
    return before && this.#setterOf(before)
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
  return !isRefused(call) && (isUnknown(call) || call.end > other.at)
}

/**
 * Whether the call may have been about that port.
 * @param {Call} call
 * @param {number} port
 */
function mayTell(call, port) {
  return isUnknown(call) || toldBy(call).some((told) => told.port === port)
}

/** @param {Call} call */
function isRefused(call) {
  return call.error !== undefined && !isUnknown(call)
}

/** @param {Call} call */
function lengthOf({ ttl = 0 }) {
  return ttl * SECOND_US
}
