import type { Scope } from './PortAllocation.js'

/** Numbers from the first to the last, both included. */
export interface Bounds {
  readonly startPort: number
  readonly endPort: number
}

/** The numbers a project owns. Ranges never overlap. */
export interface PortRange extends Bounds {
  readonly projectName: string
  readonly description?: string
}

/** How full a range is in one scope, so that `allocatedPorts + availablePorts = totalPorts`. */
export interface PortSummary extends Scope {
  readonly projectName: string
  readonly rangeStart: number
  readonly rangeEnd: number
  readonly totalPorts: number
  readonly allocatedPorts: number
  readonly availablePorts: number
  /** Percent of the range that is held, to two decimals. */
  readonly utilization: number
}

/** Where `createRange({ size })` looks for a free block: User Ports below the usual ephemeral range. */
export const BLOCK_SEARCH = { startPort: 3000, endPort: 32767 } as const

/** The largest block that starts on a multiple of its size there: 16384–32767. */
export const LARGEST_BLOCK = 16384
