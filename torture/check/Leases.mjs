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
    // A port that is asked for without a lease keeps the one that it has.
    if (this.#setterOf(call) === undefined) return Number.NEGATIVE_INFINITY
    const last = this.#lastOfHolding(call)
    const until = this.#earliestEnd(last)
    // The holding is the one that the last call was told, so nobody else has had it before.
    return last === call ? until : Math.max(until, last.at)
  }

  /**
   * Until when the port may be held, unless it is released.
   * @param {Claim} claim
   */
  possiblyUntil({ call, port }) {
    return this.#setterOf(call) ? this.#possiblyUntil(call, port, this.calls, FOREVER) : FOREVER
  }

  /**
   * Whether the call was told a holding, or moved one, that had ended before it was asked for.
   * @param {Call} call
   */
  isTooLate(call) {
    const { op, at, end, ok } = call
    const before = this.calls.filter((other) => other.at < at && other !== call)
    const isOver = (/** @type {Call} */ other, /** @type {number} */ port) =>
      this.#setterOf(other) !== undefined && this.#possiblyUntil(other, port, before, end) < at
    const moved = op === 'move' && ok.moved ? this.passedOnBy(call) : undefined
    if (moved && isOver(moved, ok.from)) return true
    return before.some((other) => isSame(other, call) && isOver(other, ok.port))
  }

  /**
   * Whether who only looks may find a lease ended that a later call was told not to have ended. It may have
   * been renewed shortly before its end, which is seen only afterwards; or a clock that has jumped may have
   * been set back. Who would take the number finds out which it is. Certain is what was told before.
   * @param {number} port
   * @param {import('./intervals.mjs').Interval} window
   */
  mayBeUnseen(port, { from, until }) {
    if (!this.any) return false
    return !this.calls.some(
      (call) =>
        call.end < from &&
        toldBy(call).some((told) => told.port === port) &&
        this.#earliestEnd(call) > until,
    )
  }

  /**
   * @param {Call} call
   * @param {number} port
   * @param {readonly Call[]} calls
   * @param {number} seen until when somebody looks
   */
  #possiblyUntil(call, port, calls, seen) {
    let until = this.#latestEnd(call, seen)
    for (const other of calls) {
      if (other.end <= call.at) continue
      if (other.at > until) break
      const isOfPort = toldBy(other).some((told) => told.port === port)
      if (isOfPort || isUnknown(other)) until = Math.max(until, this.#latestEnd(other, seen))
    }
    return until
  }

  /**
   * Of the lease that the call was told, unless a later one is certain to have set another.
   * @param {Call} call
   */
  #earliestEnd(call) {
    const setter = this.#setterOf(call)
    if (setter === undefined) return Number.NEGATIVE_INFINITY
    const others = this.calls
      .filter((other) => other !== call && other.op !== 'move' && mayFollow(other, call))
      .map((other) => Math.max(other.at, call.at) + lengthOf(other))
    const until = Math.min(setter.at + lengthOf(setter), ...others)
    return this.#jumps.certainUntil({ from: setter.at, until })
  }

  /**
   * A lease that has ended goes on if the clock is set back before a call has found its end.
   * @param {Call} call
   * @param {number} seen
   */
  #latestEnd(call, seen) {
    const setter = this.#setterOf(call)
    if (isUnknown(call) || setter === undefined) return FOREVER
    const until = setter.end + lengthOf(setter)
    const isSteady = !this.#jumps.isDuring({ from: setter.at, until: Math.max(until, seen) })
    return isSteady ? until : FOREVER
  }

  /**
   * Whether a release may have passed over the port, which it did not name, because the clock of the server
   * had jumped.
   * @param {Claim} claim
   * @param {Call} release
   */
  mayOutlast({ call, port }, { ok, end }) {
    const isNamed =
      !Array.isArray(ok) || ok.some(([told, proto]) => told === port && proto === call.proto)
    return this.any && !isNamed && this.#jumps.isDuring({ from: call.at, until: end })
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

/** @param {Call} call */
function isRefused(call) {
  return call.error !== undefined && !isUnknown(call)
}

/** @param {Call} call */
function lengthOf({ ttl = 0 }) {
  return ttl * SECOND_US
}
