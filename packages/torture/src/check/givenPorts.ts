// How many ports are given in a minute to a project, or to the actors that share a limit. The server notes
// the time at which it gives a port, which is between the asking and the answer.

import { LANDED_AFTER_US, type Limit } from '../workload.js'
import type { Report } from './check.js'
import { type Call, FOREVER, isUnknown, itemsOf, takes } from './histories.js'
import { byStart, type Interval } from './intervals.js'
import type { Ledger } from './Ledger.js'

export const TOO_FAST = 'more ports given in a minute than the limit'

const MINUTE_US = 60_000_000
/** The clock of the server may run faster or slower than that of the histories, without a jump. */
const DRIFT_US = 500_000
/** The library makes no more of one call. */
const MOST_ATTEMPTS = 6
/** These give no port that counts. */
const UNCOUNTED = new Set(['move', 'renew'])

/** Whether the call is one that the limit is for. */
export function isUnder({ projectName, actor }: Limit, { project, by }: Call) {
  return actor === undefined ? project === projectName : by.startsWith(actor.replace(/\*$/, ''))
}

/** Of those that were certainly given under the limit within a minute, there are never too many. */
export function checkGiven(ledger: Ledger, limit: Limit, report: Report) {
  const { perMinute = FOREVER } = limit
  const given = certainlyGiven(ledger, limit)
  given.forEach(({ from }, nth) => {
    // The server forgets what it gave before its clock jumped.
    const until = ledger.jumps.certainUntil({ from, until: from + MINUTE_US - DRIFT_US })
    const count = given.slice(nth).filter((port) => port.until <= until).length
    if (count > perMinute) report(TOO_FAST, { limit, count, from, until })
  })
}

/**
 * A port for each that a service was told that cannot have had it before.
 * @returns between which moments each was given
 */
function certainlyGiven({ services }: Ledger, limit: Limit): Interval[] {
  const given: Interval[] = []
  for (const { claims, unknown } of services.values()) {
    const asked = new Set([...claims.map(({ call }) => call), ...unknown])
    const [first, second] = [...asked].sort((one, other) => one.at - other.at)
    for (const { call } of claims) {
      const isFirst = call === first && (second === undefined || second.at >= call.end)
      const isAnother = ['allocate', 'allocateMany'].includes(call.op) && call.key === undefined
      if (!isUnder(limit, call) || UNCOUNTED.has(call.op)) continue
      if (isFirst || isAnother) given.push({ from: call.at, until: call.end })
    }
  }
  return given.sort(byStart)
}

/** The ports that may have been given under a limit. */
export class PossiblyGiven {
  #given
  #jumps

  constructor(ledger: Ledger, limit: Limit) {
    this.#jumps = ledger.jumps
    this.#given = ledger.calls
      .filter((call) => isUnder(limit, call) && takes(call) && !UNCOUNTED.has(call.op))
      .filter((call) => call.ok !== undefined || isUnknown(call))
      .map((call) => {
        const end = Math.min(call.end, ledger.diedAt(call))
        return isUnknown(call)
          ? { from: call.at, until: end + LANDED_AFTER_US, ports: MOST_ATTEMPTS * askedBy(call) }
          : { from: call.at, until: end, ports: askedBy(call) }
      })
  }

  /** How many the server counted at some moment of the call, at most. */
  countedDuring({ at, end }: Call) {
    // What is dated in the future after a jump counts again later.
    const isSteady = !this.#jumps.isDuring({ from: Number.NEGATIVE_INFINITY, until: end })
    const from = isSteady ? at - MINUTE_US - DRIFT_US : Number.NEGATIVE_INFINITY
    return this.#given
      .filter((given) => given.from <= end && given.until >= from)
      .reduce((sum, { ports }) => sum + ports, 0)
  }
}

/** How many ports the call asks for. */
export function askedBy(call: Call) {
  return itemsOf(call).reduce((sum, { count, protocols }) => sum + count * protocols.length, 0)
}
