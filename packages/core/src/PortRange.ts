import type { Scope } from './PortAllocation.js'

/** Numbers from the first to the last, both included. */
export interface Bounds {
  readonly startPort: number
  readonly endPort: number
}

/** Numbers that a project owns. Ranges of one host never overlap. */
export interface PortRange extends Bounds {
  readonly projectName: string
  /** The only host on which the project owns them. Absent if it owns them on every host. */
  readonly hostname?: string
  readonly description?: string
}

/**
 * How full the ranges of a project are in one scope, so that
 * `allocatedPorts + availablePorts = totalPorts`.
 */
export interface PortSummary extends Scope {
  readonly projectName: string
  /** The first port of the first range. */
  readonly rangeStart: number
  /** The last port of the last range. */
  readonly rangeEnd: number
  /** By start port. */
  readonly ranges: readonly Bounds[]
  readonly totalPorts: number
  readonly allocatedPorts: number
  /** The ports that no service holds. */
  readonly availablePorts: number
  /** The available ports that are reserved. */
  readonly reservedPorts: number
  /** The available ports that rest: only the service that held one last can get it now. */
  readonly restingPorts: number
  /** The available ports that are passed over. A port may be reserved or rest too. */
  readonly unusablePorts: number
  /** The available ports that are neither reserved nor passed over, and do not rest. */
  readonly allocatableNow: number
  /** How long a port of the project rests after its release. */
  readonly restSeconds: number
  /** Percent of the ports that are held, to two decimals. */
  readonly utilization: number
}

/**
 * The numbers in which `createRange({ size })` and `ensureRange` look for a free block: User Ports
 * below the usual ephemeral range.
 */
export const BLOCK_SEARCH = { startPort: 3000, endPort: 32767 } as const

/** The largest block that starts on a multiple of its size there: 16384–32767. */
export const LARGEST_BLOCK = 16384

/** The largest block that `ensureRange` creates, and the limit of the setting `rangeSize`. */
export const LARGEST_ENSURED_BLOCK = 1000

/** The default of the setting `rangeSize`: the size of a range that is created without numbers. */
export const DEFAULT_RANGE_SIZE = 100
