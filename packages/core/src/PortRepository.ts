import type { HealthCheck } from './Audit.js'
import type {
  Metadata,
  MetadataChange,
  PortAllocation,
  Protocol,
  ReleasedPort,
  Scope,
  ServiceKey,
} from './PortAllocation.js'
import type { PortRange } from './PortRange.js'

export interface CallOptions {
  /**
   * Aborting rejects with the signal's reason where certainly nothing was changed, and with
   * `OUTCOME_UNKNOWN` where a write was already sent.
   */
  readonly signal?: AbortSignal
}

export interface AllocationRequest extends ServiceKey, Metadata {}

export interface NewAllocationRequest extends AllocationRequest {
  readonly idempotencyKey?: string
}

/** A service's live allocations on one host, narrowed where protocol or number are given. */
export interface Selection {
  readonly projectName: string
  readonly serviceName: string
  readonly hostname: string
  readonly protocol?: Protocol
  readonly portNumber?: number
}

/** A place in the order of listings: port number, then hostname, then protocol. */
export interface PageKey extends Scope {
  readonly portNumber: number
}

export interface ListQuery {
  readonly projectName?: string
  /** Only what comes after this place. */
  readonly after?: PageKey
  /** At most so many; without it, all. */
  readonly limit?: number
}

export interface ListResult {
  readonly allocations: readonly PortAllocation[]
  /** How many match, on all pages. */
  readonly total: number
}

export interface RangeUsage {
  readonly range: PortRange
  readonly allocatedPorts: number
}

/**
 * What a store must do for `PortManager`. Arguments arrive validated and normalised. Every method
 * that names a project throws `PROJECT_NOT_FOUND` where it has no range, `DATABASE_UNAVAILABLE`
 * where nothing was changed for want of a connection, and `OUTCOME_UNKNOWN` where a write was sent
 * and no answer came. `@ports/core/testing` holds the suite that every store must pass.
 */
export interface PortRepository {
  /**
   * The oldest live port of the service, its missing metadata filled in; else the lowest free
   * number of the range. Atomic: callers at the same time get the same port.
   * @throws {PortsError} `RANGE_EXHAUSTED`, `BUSY`
   */
  getOrAllocate(request: AllocationRequest, call?: CallOptions): Promise<number>

  /**
   * One more port for the service: the lowest free number of the range in its scope. Where it holds
   * one that was allocated under the same idempotency key, that one.
   * @throws {PortsError} `RANGE_EXHAUSTED`, `BUSY`
   */
  allocate(request: NewAllocationRequest, call?: CallOptions): Promise<number>

  /**
   * Returns what was released, ordered by number and protocol; empty if the service held no such
   * port.
   */
  release(selection: Selection, call?: CallOptions): Promise<readonly ReleasedPort[]>

  /** True if there was something to update. */
  update(selection: Selection, change: MetadataChange, call?: CallOptions): Promise<boolean>

  /** Live allocations in the order of `PageKey`. */
  list(query: ListQuery, call?: CallOptions): Promise<ListResult>

  summarize(projectName: string, scope: Scope, call?: CallOptions): Promise<RangeUsage>

  /**
   * Keeps the checks (the newest 100 of each allocation) and sets status and last use by them. A
   * check of an allocation that was released meanwhile is dropped.
   */
  recordChecks(checks: readonly HealthCheck[], call?: CallOptions): Promise<void>

  /**
   * The network namespace (`networkHere`) in which the services of a host run. `initial` is
   * recorded permanently. A store that several hosts share also records `network` if it knows of
   * none, or only of one that ended with an earlier boot. The store of a single host learns it from
   * the process that made or started it.
   * @returns undefined if none is known, or if there is no store to ask
   */
  networkOf(hostname: string, network: string, call?: CallOptions): Promise<string | undefined>

  /** By start port. */
  listRanges(call?: CallOptions): Promise<readonly PortRange[]>

  /** @throws {PortsError} `RANGE_OVERLAP` */
  createRange(range: PortRange, call?: CallOptions): Promise<PortRange>

  /**
   * The lowest free block of `size` numbers that starts on a multiple of `size` within
   * `BLOCK_SEARCH`.
   * @throws {PortsError} `RANGE_OVERLAP` where the project has a range, `RANGE_EXHAUSTED`
   */
  createNextRange(
    request: { readonly projectName: string; readonly size: number; readonly description?: string },
    call?: CallOptions,
  ): Promise<PortRange>

  /** @throws {PortsError} `RANGE_OVERLAP`, `RANGE_IN_USE` */
  resizeRange(
    projectName: string,
    bounds: { readonly startPort: number; readonly endPort: number },
    call?: CallOptions,
  ): Promise<PortRange>

  /** @throws {PortsError} `RANGE_IN_USE` */
  deleteRange(projectName: string, call?: CallOptions): Promise<void>

  /** Ends the connections. Repeatable. */
  close(): Promise<void>
}
