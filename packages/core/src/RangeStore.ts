import type { CallOptions, WriteOptions } from './CallOptions.js'
import type { Scope } from './PortAllocation.js'
import type { Bounds, PortRange } from './PortRange.js'

export interface RangeUsage {
  /** The ranges that count in the scope, by start port. */
  readonly ranges: readonly Bounds[]
  /** The numbers that no service holds. */
  readonly availablePorts: number
  /** The available numbers that are reserved. */
  readonly reservedPorts: number
  /** The available numbers that rest. */
  readonly restingPorts: number
  /** The available numbers that are to be avoided. A number may be reserved or rest too. */
  readonly unusablePorts: number
  /** The available numbers that are none of these. */
  readonly allocatableNow: number
  /** How long a number of the project rests after its release. */
  readonly restSeconds: number
}

/** A free block for a project. */
export interface BlockRequest {
  readonly projectName: string
  readonly size: number
  readonly description?: string
}

/** A free block for a project, on every host unless it names one. */
export interface HostBlockRequest extends BlockRequest {
  readonly hostname?: string
}

/** Which range of a project is meant. */
export interface RangeChoice {
  /** The first port of the range. Absent if the project has only one range. */
  readonly from?: number
  /** The host that it is bound to, if ranges of several hosts begin there. */
  readonly hostname?: string
}

export interface EnsuredRange {
  readonly range: PortRange
  /** Whether this call created it. */
  readonly created: boolean
}

/** Reads and changes ranges. Each change writes one event. */
export interface RangeStore {
  /**
   * @param avoid numbers that are not allocated unless they are asked for
   * @throws {PortsError} `RANGE_EXHAUSTED` if the project has ranges on other hosts only
   */
  summarize(
    projectName: string,
    scope: Scope,
    avoid: readonly Bounds[],
    call?: CallOptions,
  ): Promise<RangeUsage>

  /**
   * Sets how long a number of the project rests after its release, and returns the previous length.
   * Numbers that rest already end their rest as if it had begun with the new length.
   */
  setRest(projectName: string, seconds: number, call?: WriteOptions): Promise<number>

  /** By start port and host. */
  listRanges(call?: CallOptions): Promise<readonly PortRange[]>

  /** @throws {PortsError} `RANGE_OVERLAP`, also if the project has a range */
  createRange(range: PortRange, call?: WriteOptions): Promise<PortRange>

  /** @throws {PortsError} `RANGE_OVERLAP` */
  addRange(range: PortRange, call?: WriteOptions): Promise<PortRange>

  /**
   * Gives the project the lowest block of `size` numbers that is free on every host and starts on a
   * multiple of `size` within `BLOCK_SEARCH`.
   * @throws {PortsError} `RANGE_OVERLAP` if the project has a range, `RANGE_EXHAUSTED` if no such
   * block is free
   */
  createNextRange(request: HostBlockRequest, call?: WriteOptions): Promise<PortRange>

  /**
   * The first range of the project, or, if it has none, the block that `createNextRange` would give
   * it, except that it contains none of the numbers to avoid.
   * @throws {PortsError} `RANGE_EXHAUSTED` if no such block is free
   */
  ensureRange(
    request: BlockRequest & { readonly avoid: readonly number[] },
    call?: WriteOptions,
  ): Promise<EnsuredRange>

  /**
   * @throws {PortsError} `INVALID_ARGUMENT` if not exactly one range is meant, `RANGE_OVERLAP`,
   * `RANGE_IN_USE`
   */
  resizeRange(
    projectName: string,
    bounds: Bounds,
    choice?: RangeChoice,
    call?: WriteOptions,
  ): Promise<PortRange>

  /**
   * Takes one range from the project, and returns it.
   * @throws {PortsError} `INVALID_ARGUMENT` if not exactly one range is meant, `RANGE_IN_USE`
   */
  removeRange(projectName: string, choice: RangeChoice, call?: WriteOptions): Promise<PortRange>

  /**
   * Takes all ranges from the project.
   * @throws {PortsError} `RANGE_IN_USE`
   */
  deleteRange(projectName: string, call?: WriteOptions): Promise<void>

  /**
   * As `deleteRange` for each of the projects, or for none if one of them is refused.
   * @throws {PortsError} `RANGE_IN_USE`
   */
  deleteRanges(projectNames: readonly string[], call?: WriteOptions): Promise<void>
}
