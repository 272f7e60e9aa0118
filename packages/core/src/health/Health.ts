import type { CheckedProcess } from '../audit/Audit.js'
import type { Verdict } from '../listeners/Sighting.js'

/** One check of an allocation, as an audit recorded it. */
export interface RecordedCheck {
  readonly checkedAt: Date
  readonly verdict: Verdict
  /** What listened, as far as it was seen. */
  readonly process?: CheckedProcess
}

/** What the kept checks of an allocation say, the newest 100. Unknown verdicts do not count. */
export interface Health {
  readonly checks: number
  readonly oldestCheckAt: Date
  /** At how many of these checks something listened. */
  readonly listening: number
  readonly lastListeningAt?: Date
  /** How often a check differed from the one before. */
  readonly changes: number
  readonly changesInLastHour: number
}

/** From so many changes in an hour on, a service counts as flapping. */
const FLAPPING_CHANGES = 4

export function isFlapping({ changesInLastHour }: Health): boolean {
  return changesInLastHour >= FLAPPING_CHANGES
}

/** The share of the checks at which something listened, in whole percent, rounded down. */
export function uptimePercent({ checks, listening }: Health): number {
  return Math.floor((listening / checks) * 100)
}
