import type { UnknownReason, Verdict } from './listeners/Sighting.js'
import type { Protocol } from './PortAllocation.js'
import type { Whose } from './processes/Recorded.js'

/** The process that an audit saw listening, and whose it is. */
export interface CheckedProcess {
  readonly pid: number
  readonly command?: string
  readonly directory?: string
  readonly whose: Whose
}

/** What an audit saw of one allocation. */
export interface HealthCheck {
  readonly allocationId: string
  readonly verdict: Verdict
  readonly process?: CheckedProcess
}

interface Audited {
  readonly port: number
  /** `project/service` or `project/service@instance`, the holder. */
  readonly expected: string
  readonly hostname: string
  readonly protocol: Protocol
}

/**
 * An allocation whose port is not in the state that the registry expects:
 * - `not running`: nothing listens.
 * - `held by a connection`: nothing listens, and a TCP connection of this host has the number.
 * - `in use by another user`: something listens, and neither root nor the registry's user opened
 *   it.
 */
export interface AuditConflict extends Audited {
  readonly actual: 'not running' | 'held by a connection' | 'in use by another user'
  /** The user who has it in use. */
  readonly uid?: number
}

/** An allocation whose state cannot be told from here. */
export interface AuditUnverified extends Audited {
  readonly actual: 'unverified'
  readonly reason: UnknownReason
}

/**
 * Registry against reality: `allocated = inUse + notRunning + unverified`. A port that another user
 * has in use counts as in use; one that a connection holds counts as not running.
 */
export interface AuditResult {
  readonly allocated: number
  readonly inUse: number
  readonly notRunning: number
  readonly unverified: number
  readonly conflicts: readonly AuditConflict[]
  /** The allocations that `unverified` counts. */
  readonly unverifiedPorts: readonly AuditUnverified[]
}
