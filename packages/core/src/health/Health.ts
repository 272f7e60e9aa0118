import type { CheckedProcess } from '../audit/Audit.js'
import type { CallOptions } from '../CallOptions.js'
import type { Verdict } from '../listeners/Sighting.js'
import type { PortAllocation } from '../PortAllocation.js'

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

/** A port of a service, and what audits saw of it. */
export interface CheckedPort {
  readonly allocation: PortAllocation
  /** Absent if no audit has told whether something listens there. */
  readonly health?: Health
  /** Newest first. */
  readonly checks: readonly RecordedCheck[]
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

/** So many checks of an allocation are kept. */
export const MAX_CHECKS = 100

export interface CheckListOptions extends CallOptions {
  readonly portNumber?: number
  /** At most so many checks of each port, from 1 to 100. Default: 100. */
  readonly limit?: number
}
