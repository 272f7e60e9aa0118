import type { CallOptions, WriteOptions } from './CallOptions.js'
import type { Scope } from './PortAllocation.js'
import type { Bounds, PortRange } from './PortRange.js'

export interface RangeUsage {
  readonly range: PortRange
  readonly allocatedPorts: number
}

/** Reads and changes ranges. Each change writes one event. */
export interface RangeStore {
  summarize(projectName: string, scope: Scope, call?: CallOptions): Promise<RangeUsage>

  /** By start port. */
  listRanges(call?: CallOptions): Promise<readonly PortRange[]>

  /** @throws {PortsError} `RANGE_OVERLAP` */
  createRange(range: PortRange, call?: WriteOptions): Promise<PortRange>

  /**
   * Gives the project the lowest free block of `size` numbers that starts on a multiple of `size`
   * within `BLOCK_SEARCH`.
   * @throws {PortsError} `RANGE_OVERLAP` if the project has a range, `RANGE_EXHAUSTED` if no such
   * block is free
   */
  createNextRange(
    request: { readonly projectName: string; readonly size: number; readonly description?: string },
    call?: WriteOptions,
  ): Promise<PortRange>

  /** @throws {PortsError} `RANGE_OVERLAP`, `RANGE_IN_USE` */
  resizeRange(projectName: string, bounds: Bounds, call?: WriteOptions): Promise<PortRange>

  /** @throws {PortsError} `RANGE_IN_USE` */
  deleteRange(projectName: string, call?: WriteOptions): Promise<void>

  /**
   * As `deleteRange` for each of the projects, or for none if one of them is refused.
   * @throws {PortsError} `RANGE_IN_USE`
   */
  deleteRanges(projectNames: readonly string[], call?: WriteOptions): Promise<void>
}
