import type { CallOptions, GivingOptions, WriteOptions } from './CallOptions.js'
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
import type { Bounds } from './PortRange.js'

export interface AllocationRequest extends ServiceKey, Metadata {
  /** Numbers that are not allocated unless they are asked for. */
  readonly avoid?: readonly Bounds[]
  /**
   * How long the lease lasts from now. Absent: a new port gets no lease, and an existing lease
   * stays.
   */
  readonly ttlSeconds?: number
}

export interface EnsureRequest extends AllocationRequest {
  /** The number to allocate if the service has none and this one is available. */
  readonly preferredPort?: number
}

export interface ClaimRequest extends ServiceKey, Metadata {
  readonly portNumber: number
  /** Whether the number may be a reserved one. */
  readonly useReservation?: boolean
  /**
   * How long the lease lasts from now. Absent: a new port gets no lease, and an existing lease
   * stays.
   */
  readonly ttlSeconds?: number
}

export interface MoveRequest extends ServiceKey {
  readonly portNumber: number
  /** The port that the service gives up. Default: the one that `ensure` would return. */
  readonly from?: number
  /** Whether the service may move to a reserved number. */
  readonly useReservation?: boolean
}

/** The result of a move. */
export interface MovedPort {
  /** The port that the service gave up, or `portNumber` if it held that already. */
  readonly movedFrom: number
  /** False if the service held `portNumber` already, and did not hold `from`. */
  readonly moved: boolean
}

export interface EnsuredPort {
  readonly portNumber: number
  /** Whether the service got the port by this call. */
  readonly created: boolean
  /** Available numbers below the port that were avoided, lowest first, 20 at most. */
  readonly passedOver: readonly number[]
  /** Numbers below the port that rest, lowest first, 20 at most. */
  readonly resting: readonly number[]
}

export interface NewAllocationRequest extends AllocationRequest {
  readonly idempotencyKey?: string
}

/** A service's live allocations on one host, narrowed by protocol and number if they are given. */
export interface Selection extends Service {
  readonly hostname: string
  readonly protocol?: Protocol
  readonly portNumber?: number
}

/** A selection that an id can narrow to a single holding. */
export interface HoldingSelection extends Selection {
  readonly allocationId?: string
}

export interface RenewRequest extends HoldingSelection {
  /** How long the leases last from now. */
  readonly ttlSeconds: number
}

export interface RenewedLease {
  readonly id: string
  readonly portNumber: number
  readonly protocol: Protocol
  readonly leaseEndsAt: Date
}

/** A place in the order of listings: port number, then hostname, then protocol. */
export interface PageKey extends Scope {
  readonly portNumber: number
}

export interface ListQuery {
  readonly projectName?: string
  readonly serviceName?: string
  readonly hostname?: string
  readonly portNumber?: number
  /** Only numbers from the first to the last. */
  readonly bounds?: Bounds
  readonly protocol?: Protocol
  readonly cloudflareHostname?: string
  /** Only allocations after this place. */
  readonly after?: PageKey
  /** The highest number of allocations to return. Default: all. */
  readonly limit?: number
}

/** A number that nobody holds, and that only one service can get until the end of its rest. */
export interface RestingPort extends ServiceKey {
  readonly portNumber: number
  /** By the database's clock. The rest goes on while something listens there. */
  readonly restsUntil: Date
}

export type RestingQuery = Pick<
  ListQuery,
  'projectName' | 'serviceName' | 'hostname' | 'portNumber'
>

export interface ListResult {
  readonly allocations: readonly PortAllocation[]
  /** The number of matches on all pages. */
  readonly total: number
}

/** A host that the registry knows. */
export interface KnownHost {
  readonly hostname: string
  /** How many ports are held there. */
  readonly allocations: number
  /** The last change of an allocation there. Absent if the history does not have it. */
  readonly lastChangedAt?: Date
}

/** Names in the registry that a mistyped name may have meant. */
export interface Neighbourhood {
  /** The services of the project that hold a port, by name. */
  readonly services: readonly string[]
  /**
   * The hosts of live allocations, by name. The host asked about is also named if the history has an
   * event there.
   */
  readonly hosts: readonly string[]
}

export interface NeighbourhoodQuery {
  readonly projectName: string
  readonly hostname: string
  /** The ids of allocations that do not count, such as those that were given just now. */
  readonly without: readonly string[]
}

/** Reads and changes allocations. Each change writes one event for each holding. */
export interface AllocationStore {
  /**
   * Returns the port that `getOrAllocate` would return, if the service has one. Returns undefined
   * for an unknown project.
   */
  find(key: ServiceKey, call?: CallOptions): Promise<number | undefined>

  /**
   * Returns the port that the service claimed last, else its oldest one, and fills in its missing
   * metadata. If the service has none, allocates one that rests for it, else the lowest available
   * number of the project. Concurrent callers get the same port.
   * @throws {PortsError} `RANGE_EXHAUSTED`, `BUSY`, `INVALID_ARGUMENT` if a lease is asked for and the
   * port has none
   */
  getOrAllocate(request: AllocationRequest, call?: GivingOptions): Promise<number>

  /**
   * Does what `getOrAllocate` does, but allocates the preferred number if it is available.
   * @throws {PortsError} `RANGE_EXHAUSTED`, `LIMIT_REACHED`, `BUSY`
   */
  ensure(request: EnsureRequest, call?: GivingOptions): Promise<EnsuredPort>

  /**
   * Gives the service that number, which `getOrAllocate` returns from then on. Returns false if the
   * service held it already.
   * @throws {PortsError} `PORT_TAKEN`, `PORT_OUT_OF_RANGE`, `PORT_RESERVED`, `BUSY`, `INVALID_ARGUMENT`
   * if a lease is asked for and the service holds the number without one
   */
  claim(request: ClaimRequest, call?: GivingOptions): Promise<boolean>

  /**
   * Allocates one more port for the service: the lowest available number of the project in its
   * scope. If the service holds a port under the same idempotency key, returns that one.
   * @throws {PortsError} `RANGE_EXHAUSTED`, `BUSY`
   */
  allocate(request: NewAllocationRequest, call?: GivingOptions): Promise<number>

  /**
   * Returns the released ports, ordered by number and protocol; empty if the service held no such
   * port. If the project has a rest, their numbers rest.
   * @throws {PortsError} `LEASE_LOST` if an id is given, and that holding has ended
   */
  release(selection: HoldingSelection, call?: WriteOptions): Promise<readonly ReleasedPort[]>

  /**
   * Sets the end of the service's leases to `ttlSeconds` from now. Returns them, ordered by number
   * and protocol. Ports without a lease stay as they are.
   * @throws {PortsError} `LEASE_LOST` if there is no such lease any more, `INVALID_ARGUMENT` if the
   * service holds such ports, but none with a lease
   */
  renew(request: RenewRequest, call?: WriteOptions): Promise<readonly RenewedLease[]>

  /**
   * Gives the service that number instead of another one, in one transaction. The new holding has a
   * new id, and keeps the metadata, the lease and the place among the service's ports. Returns
   * undefined if the service holds neither.
   * @throws {PortsError} `PORT_TAKEN`, `PORT_OUT_OF_RANGE`, `PORT_RESERVED`, `BUSY`
   */
  move(request: MoveRequest, call?: WriteOptions): Promise<MovedPort | undefined>

  /** Returns whether there was something to update. */
  update(selection: Selection, change: MetadataChange, call?: WriteOptions): Promise<boolean>

  /** As `update`, but on every host on which the service holds such a port, or on none of them. */
  updateOnAllHosts(
    selection: Omit<Selection, 'hostname'>,
    change: MetadataChange,
    call?: WriteOptions,
  ): Promise<boolean>

  /** Returns live allocations in the order of `PageKey`. */
  list(query: ListQuery, call?: CallOptions): Promise<ListResult>

  /**
   * Returns the numbers that rest, each with the service that held it last, in the order of
   * `PageKey`.
   */
  listResting(query: RestingQuery, call?: CallOptions): Promise<readonly RestingPort[]>

  /** Returns the services of the project, and the hosts. */
  neighbourhood(query: NeighbourhoodQuery, call?: CallOptions): Promise<Neighbourhood>

  /** Returns the hosts of live allocations and of changes in the history, by name. */
  listHosts(call?: CallOptions): Promise<readonly KnownHost[]>
}
