import type { UnknownReason, Verdict } from '../listeners/Sighting.js'
import type { Protocol } from '../PortAllocation.js'
import type { Owner, Whose } from '../processes/Recorded.js'

/** The process that an audit saw listening, and whose it is. */
export interface CheckedProcess {
  readonly pid: number
  readonly command?: string
  /** Of one in a container, the directory of its Compose file. */
  readonly directory?: string
  /** The path of its working directory, if that was deleted. */
  readonly deletedDirectory?: string
  /** Those on which it listens. Absent from checks that an earlier version recorded. */
  readonly addresses?: readonly string[]
  /** The name of its container. */
  readonly container?: string
  readonly whose: Whose
  readonly owner?: Owner
}

/** The result of an audit for one allocation. */
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
 * The kinds of differences between the registry and reality:
 * - `not-running`: nothing listens on a held number.
 * - `idle`: the same, and nothing was seen there for as many days as were asked for. The service may
 *   be gone for good; nothing is released.
 * - `stranger`: a process that listens on a held number is not the holder's. The holder may listen there
 *   too, on another address.
 * - `unregistered`: something listens on a number that is in a range of a project, and nobody holds it.
 *   `expected` names the range.
 * - `ephemeral`: the kernel of this host may give a held number to an outgoing connection.
 * - `shared-hostname`: two services have one Cloudflare hostname.
 */
export const CONFLICT_KINDS = [
  'not-running',
  'idle',
  'stranger',
  'unregistered',
  'ephemeral',
  'shared-hostname',
] as const

export interface AuditConflict extends Audited {
  readonly kind: (typeof CONFLICT_KINDS)[number]
  /** The kind in words, with what makes it one. */
  readonly actual: string
  /** The owner of the range, if nobody holds the number. */
  readonly projectName?: string
  /** The user who has the port in use, if that is not the registry's owner. */
  readonly uid?: number
  /** The process that listens there, as far as it can be seen. Of several, one that makes the conflict. */
  readonly process?: CheckedProcess
}

/** An allocation whose state cannot be determined from here. */
export interface AuditUnverified extends Audited {
  readonly actual: 'unverified'
  readonly reason: UnknownReason
}

/**
 * Registry against reality: `allocated = inUse + notRunning + unverified`. A number on which a stranger
 * listens counts as in use; one that a connection holds counts as not running. An allocation may be in
 * several conflicts.
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
