// The numbers of a project over time: those of permanent ranges, and of ranges that are added and
// removed.

import { MAX_IN_FLIGHT_US, numbersIn, PROJECTS } from '../workload.js'
import { groupBy } from './groups.js'
import { type Call, CHANGES_RANGES, FOREVER, isUnknown } from './histories.js'
import type { Interval } from './intervals.js'
import { Times } from './Times.js'

/** A temporary range. One process adds and removes it, so its calls do not overlap. */
export interface Temporary {
  readonly project: string
  readonly startPort: number
  readonly endPort: number
  readonly boundTo?: string
  /** The times at which it may have existed. */
  readonly possible: Interval[]
  /** The times at which it certainly existed. */
  readonly certain: Interval[]
  /** Replies that contradict earlier ones. */
  readonly contradictions: {
    kind: 'acknowledged and lost' | 'false RANGE_OVERLAP' | 'false RANGE_IN_USE'
    call: Call
  }[]
}

export type Owned = { project: string; host: string; port: number }

export class Ranges {
  temporary

  /**
   * @param calls in the order of their start
   * @param exitedAt returns when the process of the call died
   */
  constructor(calls: readonly Call[], exitedAt: (call: Call) => number) {
    const changes = calls.filter(({ op }) => CHANGES_RANGES.has(op))
    this.temporary = [...groupBy(changes, nameOfRange).values()].map((ofOne) =>
      temporary(ofOne, exitedAt),
    )
  }

  /** Whether the project may have owned the number on that host at some moment of the window. */
  mayOwn(owned: Owned, { from, until }: Interval) {
    if (isPermanent(owned)) return true
    return this.#of(owned).some(({ possible }) =>
      possible.some((time) => time.from <= until && time.until >= from),
    )
  }

  /** Whether the project may have owned it throughout the window. */
  mayOwnThroughout(owned: Owned, { from, until }: Interval) {
    if (isPermanent(owned)) return true
    return this.#of(owned).some(({ possible }) =>
      possible.some((time) => time.from <= from && time.until >= until),
    )
  }

  /** Whether the project certainly owned it throughout the window. */
  ownsThroughout(owned: Owned, window: Interval) {
    return isPermanent(owned) || this.#of(owned).some((range) => isThere(range, window))
  }

  /** Returns the numbers that the project certainly owned on that host throughout the window. */
  numbersThroughout(
    { project, host = '' }: { project?: string; host?: string },
    window: Interval,
  ): number[] {
    const own = PROJECTS.find(({ projectName }) => projectName === project)
    if (!own) throw new Error(`no such project: ${project}`)
    const there = this.temporary.filter(
      (range) => range.project === project && isThere(range, window),
    )
    return [...own.ranges, ...there].filter((range) => counts(range, host)).flatMap(numbersIn)
  }

  #of({ project, host, port }: Owned) {
    return this.temporary.filter(
      (range) => range.project === project && counts(range, host) && isIn(range, port),
    )
  }
}

export function nameOfRange({
  project,
  startPort,
  endPort,
  boundTo = '',
}: {
  project?: string
  startPort?: number
  endPort?: number
  boundTo?: string | undefined
}) {
  return `${project}/${startPort}-${endPort}/${boundTo}`
}

function isPermanent({ project, host, port }: Owned) {
  const own = PROJECTS.find(({ projectName }) => projectName === project)?.ranges ?? []
  return own.some((range) => counts(range, host) && isIn(range, port))
}

function counts({ boundTo }: { boundTo?: string }, host: string) {
  return boundTo === undefined || boundTo === host
}

function isIn({ startPort, endPort }: { startPort: number; endPort: number }, port: number) {
  return port >= startPort && port <= endPort
}

function isThere({ certain }: Temporary, { from, until }: Interval) {
  return certain.some((time) => time.from <= from && time.until >= until)
}

/**
 * Evaluates the calls of one range. After a call without a reply, nothing is certain for a time.
 * @param calls in their order
 */
function temporary(calls: readonly Call[], exitedAt: (call: Call) => number): Temporary {
  const { project = '', startPort = 0, endPort = 0, boundTo } = calls[0] ?? {}
  const possible = new Times()
  const certain = new Times()
  const contradictions: Temporary['contradictions'] = []
  let unsettledUntil = Number.NEGATIVE_INFINITY
  for (const call of calls) {
    const isSettled = call.at >= unsettledUntil
    if (isUnknown(call)) {
      const lost = call.end === FOREVER ? exitedAt(call) : call.end
      unsettledUntil = Math.max(unsettledUntil, lost + MAX_IN_FLIGHT_US)
      if (call.op === 'addRange') possible.begin(call.at)
      else certain.end(call.at)
    } else if (saysThatItIsThere(call)) {
      const isFalse = !possible.isOpen && call.ok === undefined
      if (isFalse && call.op === 'addRange')
        contradictions.push({ kind: 'false RANGE_OVERLAP', call })
      if (isFalse && call.op === 'removeRange')
        contradictions.push({ kind: 'false RANGE_IN_USE', call })
      possible.begin(call.at)
      if (isSettled) certain.begin(call.end)
    } else if (saysThatItIsGone(call)) {
      if (certain.isOpen && call.ok === undefined) {
        contradictions.push({ kind: 'acknowledged and lost', call })
      }
      certain.end(call.at)
      if (isSettled) possible.end(call.end)
    }
  }
  return {
    project,
    startPort,
    endPort,
    ...(boundTo !== undefined && { boundTo }),
    possible: possible.all(),
    certain: certain.all(),
    contradictions,
  }
}

function saysThatItIsThere({ op, ok, error }: Call) {
  return op === 'addRange' ? ok === true || error === 'RANGE_OVERLAP' : error === 'RANGE_IN_USE'
}

function saysThatItIsGone({ op, ok, error }: Call) {
  return op === 'removeRange' && (ok === true || error === 'INVALID_ARGUMENT')
}
