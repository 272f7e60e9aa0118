// Which numbers a project owns when: those of the ranges that it has all the time, and of those that
// are added and removed meanwhile.
import { LANDED_AFTER_US, numbersIn, PROJECTS } from '../workload.mjs'
import { groupBy } from './groups.mjs'
import { CHANGES_RANGES, FOREVER, isUnknown } from './histories.mjs'
import { Times } from './Times.mjs'

/**
 * @typedef {import('./histories.mjs').Call} Call
 * @typedef {import('./intervals.mjs').Interval} Interval
 *
 * A range that is there only at times. One process at a time adds and removes it, so that its calls
 * do not overlap.
 * @typedef {object} Temporary
 * @property {string} project
 * @property {number} startPort
 * @property {number} endPort
 * @property {string} [boundTo]
 * @property {Interval[]} possible when it may have been there, by time
 * @property {Interval[]} certain when it was there, by time
 * @property {{ kind: 'acknowledged and lost' | 'false RANGE_OVERLAP' | 'false RANGE_IN_USE', call: Call }[]} contradictions
 * answers that contradict those before
 *
 * @typedef {{ project: string, host: string, port: number }} Owned
 */

export class Ranges {
  temporary

  /**
   * @param {readonly Call[]} calls in the order in which they were asked
   * @param {(call: Call) => number} diedAt when the process ended whose call it was
   */
  constructor(calls, diedAt) {
    const changes = calls.filter(({ op }) => CHANGES_RANGES.has(op))
    this.temporary = [...groupBy(changes, nameOfRange).values()].map((ofOne) =>
      temporary(ofOne, diedAt),
    )
  }

  /**
   * Whether the number may have been the project's on that host at some moment of the window.
   * @param {Owned} owned
   * @param {Interval} window
   */
  mayOwn(owned, { from, until }) {
    if (isPermanent(owned)) return true
    return this.#of(owned).some(({ possible }) =>
      possible.some((time) => time.from <= until && time.until >= from),
    )
  }

  /**
   * Whether it may have been the project's all the while.
   * @param {Owned} owned
   * @param {Interval} window
   */
  mayOwnThroughout(owned, { from, until }) {
    if (isPermanent(owned)) return true
    return this.#of(owned).some(({ possible }) =>
      possible.some((time) => time.from <= from && time.until >= until),
    )
  }

  /**
   * Whether it was certainly the project's all the while.
   * @param {Owned} owned
   * @param {Interval} window
   */
  ownsThroughout(owned, window) {
    return isPermanent(owned) || this.#of(owned).some((range) => isThere(range, window))
  }

  /**
   * All numbers that were certainly the project's on that host all the while.
   * @param {{ project?: string, host?: string }} where
   * @param {Interval} window
   * @returns {number[]}
   */
  numbersThroughout({ project, host = '' }, window) {
    const own = PROJECTS.find(({ projectName }) => projectName === project)
    if (!own) throw new Error(`no such project: ${project}`)
    const there = this.temporary.filter(
      (range) => range.project === project && isThere(range, window),
    )
    return [...own.ranges, ...there].filter((range) => counts(range, host)).flatMap(numbersIn)
  }

  /** @param {Owned} owned */
  #of({ project, host, port }) {
    return this.temporary.filter(
      (range) => range.project === project && counts(range, host) && isIn(range, port),
    )
  }
}

/**
 * @param {{ project?: string, startPort?: number, endPort?: number, boundTo?: string | undefined }} range
 */
export function nameOfRange({ project, startPort, endPort, boundTo = '' }) {
  return `${project}/${startPort}-${endPort}/${boundTo}`
}

/** @param {Owned} owned */
function isPermanent({ project, host, port }) {
  const own = PROJECTS.find(({ projectName }) => projectName === project)?.ranges ?? []
  return own.some((range) => counts(range, host) && isIn(range, port))
}

/**
 * @param {{ boundTo?: string }} range
 * @param {string} host
 */
function counts({ boundTo }, host) {
  return boundTo === undefined || boundTo === host
}

/**
 * @param {{ startPort: number, endPort: number }} range
 * @param {number} port
 */
function isIn({ startPort, endPort }, port) {
  return port >= startPort && port <= endPort
}

/**
 * @param {Temporary} range
 * @param {Interval} window
 */
function isThere({ certain }, { from, until }) {
  return certain.some((time) => time.from <= from && time.until >= until)
}

/**
 * What is said of one range. After a call without an answer, which may take effect later, nothing
 * is certain for a time, whatever is said meanwhile.
 * @param {readonly Call[]} calls in their order
 * @param {(call: Call) => number} diedAt
 * @returns {Temporary}
 */
function temporary(calls, diedAt) {
  const { project = '', startPort = 0, endPort = 0, boundTo } = calls[0] ?? {}
  const possible = new Times()
  const certain = new Times()
  const contradictions = /** @type {Temporary['contradictions']} */ ([])
  let unsettledUntil = Number.NEGATIVE_INFINITY
  for (const call of calls) {
    const isSettled = call.at >= unsettledUntil
    if (isUnknown(call)) {
      const lost = call.end === FOREVER ? diedAt(call) : call.end
      unsettledUntil = Math.max(unsettledUntil, lost + LANDED_AFTER_US)
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

/** @param {Call} call */
function saysThatItIsThere({ op, ok, error }) {
  return op === 'addRange' ? ok === true || error === 'RANGE_OVERLAP' : error === 'RANGE_IN_USE'
}

/** @param {Call} call */
function saysThatItIsGone({ op, ok, error }) {
  return op === 'removeRange' && (ok === true || error === 'INVALID_ARGUMENT')
}
