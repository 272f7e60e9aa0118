import type { CheckedProcess } from '../audit/Audit.js'
import type { CallOptions } from '../CallOptions.js'
import type { Verdict } from '../listeners/Sighting.js'
import type { PortAllocation } from '../PortAllocation.js'

/** One check of an allocation, as an audit recorded it. */
export interface RecordedCheck {
  readonly checkedAt: Date
  readonly verdict: Verdict
  /** The process that listened, if it was seen. */
  readonly process?: CheckedProcess
}

/**
 * A summary of the newest 100 checks of an allocation. Checks with an unknown verdict do not count.
 */
export interface Health {
  readonly checks: number
  readonly oldestCheckAt: Date
  /** The number of these checks at which something listened. */
  readonly listening: number
  readonly lastListeningAt?: Date
  /** The number of checks whose verdict differed from the one before. */
  readonly changes: number
  readonly changesInLastHour: number
}

/** A port of a service, with the results of its audits. */
export interface CheckedPort {
  readonly allocation: PortAllocation
  /** Absent if no audit could determine whether something listens there. */
  readonly health?: Health
  /** Newest first. */
  readonly checks: readonly RecordedCheck[]
}

/** A service with at least this many changes in an hour counts as flapping. */
const FLAPPING_CHANGES = 4

export function isFlapping({ changesInLastHour }: Health): boolean {
  return changesInLastHour >= FLAPPING_CHANGES
}

/** The share of the checks at which something listened, in whole percent, rounded down. */
export function uptimePercent({ checks, listening }: Health): number {
  return Math.floor((listening / checks) * 100)
}

/** The number of checks that are kept of each allocation. */
export const MAX_CHECKS = 100

export interface CheckListOptions extends CallOptions {
  readonly portNumber?: number
  /** The maximum number of checks of each port, from 1 to 100. Default: 100. */
  readonly limit?: number
}
