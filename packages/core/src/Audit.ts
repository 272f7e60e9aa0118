import type { Protocol } from './PortAllocation.js'

/** `unknown`: a host that did not answer, a name that does not resolve, another host's UDP. */
export type Verdict = 'listening' | 'not-listening' | 'unknown'

/** What an audit saw of one allocation. */
export interface HealthCheck {
  readonly allocationId: string
  readonly verdict: Verdict
}

/** An allocation whose port nothing listens on. */
export interface AuditConflict {
  readonly port: number
  /** `project/service`, the holder. */
  readonly expected: string
  readonly actual: 'not running'
  readonly hostname: string
  readonly protocol: Protocol
}

/** Registry against reality: `allocated = inUse + notRunning + unverified`. */
export interface AuditResult {
  readonly allocated: number
  readonly inUse: number
  readonly notRunning: number
  readonly unverified: number
  readonly conflicts: readonly AuditConflict[]
}
