export const PROTOCOLS = ['tcp', 'udp'] as const
export type Protocol = (typeof PROTOCOLS)[number]

/**
 * The scope in which a port number is unique: one host, one protocol. The same number may be held
 * once in every scope.
 */
export interface Scope {
  readonly hostname: string
  readonly protocol: Protocol
}

/** A service in one instance of its project. */
export interface Service {
  readonly projectName: string
  readonly serviceName: string
  /**
   * The copy of the project, such as a git worktree or a second clone. Empty for the primary one.
   */
  readonly instance: string
}

/** A service in one scope. `getOrAllocate` gives it one port. */
export interface ServiceKey extends Service, Scope {}

export const METADATA_FIELDS = ['serviceType', 'description', 'cloudflareHostname'] as const

/** The facts that may be stored about a service besides its port. */
export type Metadata = { readonly [Field in (typeof METADATA_FIELDS)[number]]?: string }

/** A change of metadata: text sets a field, `null` clears it, absent fields stay. */
export type MetadataChange = { readonly [Field in keyof Metadata]?: string | null }

/**
 * - `allocated`: held.
 * - `in_use`: held, and something was listening there at the last audit.
 * - `released`: no longer held. Stored, never listed.
 */
export type AllocationStatus = 'allocated' | 'in_use' | 'released'

/** A service holding a port. */
export interface PortAllocation extends ServiceKey, Metadata {
  /** Names this holding, not the port: the next holder of the number has a higher one. */
  readonly id: string
  readonly portNumber: number
  readonly status: AllocationStatus
  readonly allocatedAt: Date
  /** When an audit last saw something listening there. */
  readonly lastUsedAt?: Date
  /** When its lease ends unless it is renewed. Absent if it is held until it is released. */
  readonly leaseEndsAt?: Date
  /**
   * When an audit last determined whether something was listening there. The status dates from
   * then. Absent if no audit has done so since the allocation. An audit that could not tell does
   * not count.
   */
  readonly lastCheckedAt?: Date
}

/** A number that a service held until it was released. */
export interface ReleasedPort {
  readonly portNumber: number
  readonly protocol: Protocol
}

/** Returns `project/service`, with `@instance` if it is not the primary one. For messages. */
export function nameOfService({ projectName, serviceName, instance }: Service): string {
  return `${projectName}/${serviceName}${instance === '' ? '' : `@${instance}`}`
}
