// The ends of leases. The server adds the length to the time at which a call takes effect, which is
// between its start and its reply. So the end is between these two times plus the length. A move
// keeps the end.
import type { Claim } from './claims.js'
import { type Call, FOREVER, isUnknown, toldBy } from './histories.js'
import type { Interval } from './intervals.js'
import type { Jumps } from './Jumps.js'

const SECOND_US = 1e6

/** The calls of one service in its scope that give or renew leases, and its moves. */
export class Leases {
  /** In the order of their start. */
  calls: Call[] = []
  /** Includes the calls that take ports without a lease. */
  #takes: Call[] = []
  #jumps: Jumps
  #any = false

  constructor(jumps: Jumps) {
    this.#jumps = jumps
  }

  /** Whether the service ever had a lease. */
  get any() {
    return this.#any
  }

  /** Adds a call that takes ports. */
  add(call: Call) {
    this.#takes.push(call)
    if (call.ttl !== undefined) this.#any = true
    if (call.ttl !== undefined || call.op === 'move') this.calls.push(call)
  }

  /**
   * Returns the call that returned the allocation before the move and set or kept the end of its
   * lease. Undefined if that is uncertain.
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

  /** Returns until when the port is certainly held unless it is released. */
  certainUntil({ call }: Claim) {
    // A call without a lease keeps an existing lease.
    if (this.#setterOf(call) === undefined) return Number.NEGATIVE_INFINITY
    const last = this.#lastOfHolding(call)
    const until = this.#earliestEnd(last)
    // The last call returned the same allocation, so no other service had the port before.
    return last === call ? until : Math.max(until, last.at)
  }

  /** Returns until when the port may be held unless it is released. */
  possiblyUntil({ call, port }: Claim) {
    return this.#setterOf(call) ? this.#possiblyUntil(call, port, this.calls, FOREVER) : FOREVER
  }

  /** Whether the call returned or moved an allocation that had ended before the call. */
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
   * Whether a reader may see a lease as ended that a later call still found. The lease may have
   * been renewed shortly before its end, or the clock may have been set back. Calls before the
   * window are certain.
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

  /** @param seen the end of the observation */
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

  /** The earliest end of the lease of the call, unless a later call certainly set another one. */
  #earliestEnd(call: Call) {
    const setter = this.#setterOf(call)
    if (setter === undefined) return Number.NEGATIVE_INFINITY
    const others = this.calls
      .filter((other) => other !== call && other.op !== 'move' && mayFollow(other, call))
      .map((other) => Math.max(other.at, call.at) + lengthOf(other))
    const until = Math.min(setter.at + lengthOf(setter), ...others)
    return this.#jumps.certainUntil({ from: setter.at, until })
  }

  /**
   * The latest end. A lease that has ended continues if the clock is set back before a call finds
   * its end.
   */
  #latestEnd(call: Call, seen: number) {
    const setter = this.#setterOf(call)
    if (isUnknown(call) || setter === undefined) return FOREVER
    const until = setter.end + lengthOf(setter)
    const isSteady = !this.#jumps.isDuring({ from: setter.at, until: Math.max(until, seen) })
    return isSteady ? until : FOREVER
  }

  /**
   * Whether a release that does not name the port may have missed it and left it held: the clock
   * had jumped, or the lease had ended by then and continues when the clock is set back.
   */
  mayOutlast({ call, port }: Claim, { ok, end }: Call) {
    const isNamed =
      !Array.isArray(ok) || ok.some(([told, proto]) => told === port && proto === call.proto)
    if (!this.any || isNamed) return false
    const until = this.#earliestEnd(call) <= end ? FOREVER : end
    return this.#jumps.isDuring({ from: call.at, until })
  }

  /**
   * Returns the call that set the end of this call's lease. Undefined if that is uncertain or there
   * is no lease.
   */
  #setterOf(call: Call): Call | undefined {
    if (call.op !== 'move') return call.ttl === undefined ? undefined : call
    const before = this.passedOnBy(call)
    return before && this.#setterOf(before)
  }

  /** The last call that returned this allocation. */
  #lastOfHolding(call: Call) {
    return this.calls.findLast((other) => isSame(other, call)) ?? call
  }
}

/** Whether both calls returned the same allocation. */
function isSame(one: Call, other: Call) {
  return one.ok?.allocation !== undefined && one.ok.allocation === other.ok?.allocation
}

/** Whether the call may have taken effect after the other one. */
function mayFollow(call: Call, other: Call) {
  return !isRefused(call) && (isUnknown(call) || call.end > other.at)
}

function isRefused(call: Call) {
  return call.error !== undefined && !isUnknown(call)
}

function lengthOf({ ttl = 0 }: Call) {
  return ttl * SECOND_US
}
