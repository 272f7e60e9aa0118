import type { CallOptions, WriteOptions } from './CallOptions.js'
import type {
  Metadata,
  MetadataChange,
  PortAllocation,
  Protocol,
  ReleasedPort,
  Scope,
  Service,
  ServiceKey,
} from './PortAllocation.js'

export interface AllocationRequest extends ServiceKey, Metadata {}

export interface NewAllocationRequest extends AllocationRequest {
  readonly idempotencyKey?: string
}

/** A service's live allocations on one host, narrowed where protocol or number are given. */
export interface Selection extends Service {
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

/** What a store does with allocations. Each change writes one event for each holding. */
export interface AllocationStore {
  /**
   * The oldest live port of the service, its missing metadata filled in; else the lowest available
   * number of the project. Atomic: callers at the same time get the same port.
   * @throws {PortsError} `RANGE_EXHAUSTED`, `BUSY`
   */
  getOrAllocate(request: AllocationRequest, call?: WriteOptions): Promise<number>

  /**
   * One more port for the service: the lowest available number of the project in its scope. Where it
   * holds one that was allocated under the same idempotency key, that one.
   * @throws {PortsError} `RANGE_EXHAUSTED`, `BUSY`
   */
  allocate(request: NewAllocationRequest, call?: WriteOptions): Promise<number>

  /**
   * Returns what was released, ordered by number and protocol; empty if the service held no such
   * port.
   */
  release(selection: Selection, call?: WriteOptions): Promise<readonly ReleasedPort[]>

  /** True if there was something to update. */
  update(selection: Selection, change: MetadataChange, call?: WriteOptions): Promise<boolean>

  /** Live allocations in the order of `PageKey`. */
  list(query: ListQuery, call?: CallOptions): Promise<ListResult>
}
