export const PROTOCOLS = ['tcp', 'udp'] as const
export type Protocol = (typeof PROTOCOLS)[number]

/**
 * Where a port number is unique: one host, one protocol. The same number may be held once in
 * every scope.
 */
export interface Scope {
  readonly hostname: string
  readonly protocol: Protocol
}

/** A service in one scope: what `getOrAllocate` gives one port to. */
export interface ServiceKey extends Scope {
  readonly projectName: string
  readonly serviceName: string
}

/** What may be said about a service beside its port. */
export interface Metadata {
  readonly serviceType?: string
  readonly description?: string
  readonly cloudflareHostname?: string
}

/** A change of metadata: a text sets, `null` clears, what is absent stays. */
export type MetadataChange = { readonly [Field in keyof Metadata]?: string | null }

/**
 * - `allocated`: held.
 * - `in_use`: held, and something was listening there at the last audit.
 * - `released`: no longer held. Stored, never listed.
 */
export type AllocationStatus = 'allocated' | 'in_use' | 'released'

/** A service holding a port. */
export interface PortAllocation extends ServiceKey, Metadata {
  /** Names this holding, not the port: the next holder of the number has another id. */
  readonly id: string
  readonly portNumber: number
  readonly status: AllocationStatus
  readonly allocatedAt: Date
  /** When an audit last saw something listening there. */
  readonly lastUsedAt?: Date
  /**
   * When an audit last determined whether something was listening there; the status is as of then.
   * Absent if none has since the allocation. An audit that could not tell does not count.
   */
  readonly lastCheckedAt?: Date
}

/** A number that a service held until it was released. */
export interface ReleasedPort {
  readonly portNumber: number
  readonly protocol: Protocol
}
