import type { UnknownReason, Verdict } from './listeners/Sighting.js'
import type { Protocol } from './PortAllocation.js'

/** What an audit saw of one allocation. */
export interface HealthCheck {
  readonly allocationId: string
  readonly verdict: Verdict
}

interface Audited {
  readonly port: number
  /** `project/service`, the holder. */
  readonly expected: string
  readonly hostname: string
  readonly protocol: Protocol
}

/**
 * An allocation whose port does not have what the registry expects there:
 * - `not running`: nothing listens.
 * - `held by a connection`: nothing listens, and a TCP connection of this host has the number.
 * - `in use by another user`: something listens, and neither root nor the registry's user opened it.
 */
export interface AuditConflict extends Audited {
  readonly actual: 'not running' | 'held by a connection' | 'in use by another user'
  /** Of the user who has it in use. */
  readonly uid?: number
}

/** An allocation of which nothing can be told from here. */
export interface AuditUnverified extends Audited {
  readonly actual: 'unverified'
  readonly reason: UnknownReason
}

/**
 * Registry against reality: `allocated = inUse + notRunning + unverified`. What another user has in
 * use counts as in use, what a connection holds as not running.
 */
export interface AuditResult {
  readonly allocated: number
  readonly inUse: number
  readonly notRunning: number
  readonly unverified: number
  readonly conflicts: readonly AuditConflict[]
  /** Those that `unverified` counts. */
  readonly unverifiedPorts: readonly AuditUnverified[]
}
