// Until when a service holds what it has with a lease. The server adds the length to the time at which
// a call takes effect, which is between its asking and its answer. So the lease ends at some moment from
// the asking to the answer, each with the length added. A move passes the lease on as it is.
import type { Claim } from './claims.js'
import { type Call, FOREVER, isUnknown, toldBy } from './histories.js'
import type { Interval } from './intervals.js'
import type { Jumps } from './Jumps.js'

const SECOND_US = 1e6

/** Of one service in its scope: the calls that give leases and renew them, and the moves. */
export class Leases {
  /** In the order in which they were asked. */
  calls: Call[] = []
  /** With those that take ports without a lease. */
  #takes: Call[] = []
  #jumps: Jumps
  #any = false

  constructor(jumps: Jumps) {
    this.#jumps = jumps
  }

  /** Whether the service has ever asked for a lease. */
  get any() {
    return this.#any
  }

  /** A call that takes ports. */
  add(call: Call) {
    this.#takes.push(call)
    if (call.ttl !== undefined) this.#any = true
    if (call.ttl !== undefined || call.op === 'move') this.calls.push(call)
  }

  /**
   * The call that was told the holding with which the move began, and has set the end of its lease or passed
   * it on. Undefined where that is not certain.
   */
  passedOnBy(move: Call): Call | undefined {
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

  /** Until when the port is certainly held, unless it is released. */
  certainUntil({ call }: Claim) {
    // A port that is asked for without a lease keeps the one that it has.
    if (this.#setterOf(call) === undefined) return Number.NEGATIVE_INFINITY
    const last = this.#lastOfHolding(call)
    const until = this.#earliestEnd(last)
    // The holding is the one that the last call was told, so nobody else has had it before.
    return last === call ? until : Math.max(until, last.at)
  }

  /** Until when the port may be held, unless it is released. */
  possiblyUntil({ call, port }: Claim) {
    return this.#setterOf(call) ? this.#possiblyUntil(call, port, this.calls, FOREVER) : FOREVER
  }

  /** Whether the call was told a holding, or moved one, that had ended before it was asked for. */
  isTooLate(call: Call) {
    const { op, at, end, ok } = call
    const before = this.calls.filter((other) => other.at < at && other !== call)
    const isOver = (other: Call, port: number) =>
      this.#setterOf(other) !== undefined && this.#possiblyUntil(other, port, before, end) < at
    const moved = op === 'move' && ok.moved ? this.passedOnBy(call) : undefined
    if (moved && isOver(moved, ok.from)) return true
    return before.some((other) => isSame(other, call) && isOver(other, ok.port))
  }

  /**
   * Whether who only looks may find a lease ended that a later call was told not to have ended. It may have
   * been renewed shortly before its end, which is seen only afterwards; or a clock that has jumped may have
   * been set back. Who would take the number finds out which it is. Certain is what was told before.
   */
  mayBeUnseen(port: number, { from, until }: Interval) {
    if (!this.any) return false
    return !this.calls.some(
      (call) =>
        call.end < from &&
        toldBy(call).some((told) => told.port === port) &&
        this.#earliestEnd(call) > until,
    )
  }

  /** @param seen until when somebody looks */
  #possiblyUntil(call: Call, port: number, calls: readonly Call[], seen: number) {
    let until = this.#latestEnd(call, seen)
    for (const other of calls) {
      if (other.end <= call.at) continue
      if (other.at > until) break
      const isOfPort = toldBy(other).some((told) => told.port === port)
      if (isOfPort || isUnknown(other)) until = Math.max(until, this.#latestEnd(other, seen))
    }
    return until
  }

  /** Of the lease that the call was told, unless a later one is certain to have set another. */
  #earliestEnd(call: Call) {
    const setter = this.#setterOf(call)
    if (setter === undefined) return Number.NEGATIVE_INFINITY
    const others = this.calls
      .filter((other) => other !== call && other.op !== 'move' && mayFollow(other, call))
      .map((other) => Math.max(other.at, call.at) + lengthOf(other))
    const until = Math.min(setter.at + lengthOf(setter), ...others)
    return this.#jumps.certainUntil({ from: setter.at, until })
  }

  /** A lease that has ended goes on if the clock is set back before a call has found its end. */
  #latestEnd(call: Call, seen: number) {
    const setter = this.#setterOf(call)
    if (isUnknown(call) || setter === undefined) return FOREVER
    const until = setter.end + lengthOf(setter)
    const isSteady = !this.#jumps.isDuring({ from: setter.at, until: Math.max(until, seen) })
    return isSteady ? until : FOREVER
  }

  /**
   * Whether a release may have passed over the port, which it did not name, because the clock of the server
   * had jumped.
   */
  mayOutlast({ call, port }: Claim, { ok, end }: Call) {
    const isNamed =
      !Array.isArray(ok) || ok.some(([told, proto]) => told === port && proto === call.proto)
    return this.any && !isNamed && this.#jumps.isDuring({ from: call.at, until: end })
  }

  /**
   * The call that has set the end of the lease that this one was told. Undefined where that is not certain,
   * or there is no lease.
   */
  #setterOf(call: Call): Call | undefined {
    if (call.op !== 'move') return call.ttl === undefined ? undefined : call
    const before = this.passedOnBy(call)
    return before && this.#setterOf(before)
  }

  /** The call that was asked last of those that were told this holding. */
  #lastOfHolding(call: Call) {
    return this.calls.findLast((other) => isSame(other, call)) ?? call
  }
}

/** Whether both were told the same holding. */
function isSame(one: Call, other: Call) {
  return one.ok?.allocation !== undefined && one.ok.allocation === other.ok?.allocation
}

/** Whether it may have taken effect after the other one. */
function mayFollow(call: Call, other: Call) {
  return !isRefused(call) && (isUnknown(call) || call.end > other.at)
}

function isRefused(call: Call) {
  return call.error !== undefined && !isUnknown(call)
}

function lengthOf({ ttl = 0 }: Call) {
  return ttl * SECOND_US
}
