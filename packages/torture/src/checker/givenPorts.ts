// Counts the ports that a project, or the actors of a limit, get in a minute. The server records a
// time between the start of the call and its reply.

import { type Limit, MAX_IN_FLIGHT_US } from '../workload.js'
import type { Report } from './check.js'
import { type Call, FOREVER, isUnknown, itemsOf, takes } from './histories.js'
import { byStart, type Interval } from './intervals.js'
import type { Ledger } from './Ledger.js'

export const OVER_RATE_LIMIT = 'more ports given in a minute than the limit'

const MINUTE_US = 60_000_000
/** The clock of the server may drift relative to that of the histories. */
const DRIFT_US = 500_000
/** The library makes at most this many attempts. */
const MAX_ATTEMPTS = 6
/** These calls take no port that counts. */
const UNCOUNTED = new Set(['move', 'renew'])

/** Whether the limit applies to the call. */
export function isUnder({ projectName, actor }: Limit, { project, by }: Call) {
  return actor === undefined ? project === projectName : by.startsWith(actor.replace(/\*$/, ''))
}

/** The ports that were certainly taken within a minute never exceed the limit. */
export function checkGiven(ledger: Ledger, limit: Limit, report: Report) {
  const { perMinute = FOREVER } = limit
  const given = certainlyGiven(ledger, limit)
  given.forEach(({ from }, nth) => {
    // The server does not count allocations before its clock jumped.
    const until = ledger.jumps.certainUntil({ from, until: from + MINUTE_US - DRIFT_US })
    const count = given.slice(nth).filter((port) => port.until <= until).length
    if (count > perMinute) report(OVER_RATE_LIMIT, { limit, count, from, until })
  })
}

/**
 * The ports that a service certainly did not hold before.
 * @returns the interval in which each was taken
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

/** The ports that may have been taken under a limit. */
export class PossiblyGiven {
  #given
  #jumps

  constructor(ledger: Ledger, limit: Limit) {
    this.#jumps = ledger.jumps
    this.#given = ledger.calls
      .filter((call) => isUnder(limit, call) && takes(call) && !UNCOUNTED.has(call.op))
      .filter((call) => call.ok !== undefined || isUnknown(call))
      .map((call) => {
        const end = Math.min(call.end, ledger.exitedAt(call))
        return isUnknown(call)
          ? { from: call.at, until: end + MAX_IN_FLIGHT_US, ports: MAX_ATTEMPTS * askedBy(call) }
          : { from: call.at, until: end, ports: askedBy(call) }
      })
  }

  /** Returns the maximum count of the server during the call. */
  countedDuring({ at, end }: Call) {
    // Times that are in the future after a jump count again later.
    const isSteady = !this.#jumps.isDuring({ from: Number.NEGATIVE_INFINITY, until: end })
    const from = isSteady ? at - MINUTE_US - DRIFT_US : Number.NEGATIVE_INFINITY
    return this.#given
      .filter((given) => given.from <= end && given.until >= from)
      .reduce((sum, { ports }) => sum + ports, 0)
  }
}

/** Returns the number of ports that the call requests. */
export function askedBy(call: Call) {
  return itemsOf(call).reduce((sum, { count, protocols }) => sum + count * protocols.length, 0)
}
