import type { MovedPort } from './AllocationStore.js'
import type { SameCloudflareHostname } from './allocation/sameCloudflareHostname.js'
import type { Layout } from './BatchStore.js'
import type { Actor, CallOptions, Limits, WriteOptions } from './CallOptions.js'
import type { Metadata, PortAllocation, Protocol, Scope } from './PortAllocation.js'
import type { PortEvent } from './PortEvent.js'
import type { PassOverOption } from './passedOver/passOver.js'
import type { PassOverReason } from './passedOver/reasons.js'
import type { RangeChoice } from './RangeStore.js'
import type { Reservation } from './ReservationStore.js'

export interface PortManagerOptions {
  /**
   * The name of this machine in the registry. Default: the environment's `PORTS_HOSTNAME`, else the
   * store's default, else `localhost`.
   */
  readonly hostname?: string
  /**
   * The uid of the registry's owner, if it belongs to one user. Audits then report ports on which
   * another user listens. Root listens for all users and does not count as another user.
   */
  readonly ownerUid?: number
  /**
   * The instance of calls that name none. Default: the environment's `PORTS_INSTANCE`, else the
   * primary one. The variable is ignored if `PORTS_CHECKOUT` names a directory that does not contain
   * the working directory, or if `PORTS_PROJECT` names another project.
   */
  readonly instance?: string
  /**
   * The actor that the history shows for every call, whatever a call names. Default: the
   * environment's `PORTS_ACTOR`, else the store's default, else the actor that a call names, else
   * `user@host`.
   */
  readonly actor?: string
  /**
   * `none` passes over no number, whatever a call says. Default: the environment's
   * `PORTS_PASS_OVER`.
   */
  readonly passOver?: 'none'
  /**
   * Limits of every actor that uses this manager, in addition to those of the registry. They
   * protect against programs that ask in a loop by accident.
   */
  readonly limits?: Limits
}

export interface InstanceOption {
  /** The copy of the project; `(primary)` is the primary one. Default: that of the manager. */
  readonly instance?: string
}

export interface LeaseOption {
  /**
   * How long the port is held unless the call is repeated or the lease is renewed: 1 second to a
   * year from now, by the database's clock. Default: a new port is held until it is released, and a
   * lease stays as it is.
   */
  readonly ttlSeconds?: number
}

export interface GetOptions
  extends Partial<Scope>,
    InstanceOption,
    PassOverOption,
    LeaseOption,
    Metadata,
    WriteOptions {}

export interface EnsureOptions extends GetOptions {
  /** The number to give the service if it has none yet and this one is available. */
  readonly preferredPort?: number
}

export interface ClaimOptions
  extends Partial<Scope>,
    InstanceOption,
    LeaseOption,
    Metadata,
    ReservationOption,
    WriteOptions {}

export interface ReservationOption {
  /** Takes the number despite its reservation. */
  readonly useReservation?: boolean
}

export interface MoveOptions
  extends Partial<Scope>,
    InstanceOption,
    ReservationOption,
    WriteOptions {
  /** The port that the service is to give up. Default: the one that `getOrAllocate` returns. */
  readonly from?: number
}

export interface MoveResult extends MovedPort {
  readonly allocation: PortAllocation
}

export interface ReserveResult {
  readonly reservation: Reservation
  /** The live allocations of these numbers. They stay. */
  readonly held: readonly PortAllocation[]
}

export interface ClaimResult extends SameCloudflareHostname {
  readonly allocation: PortAllocation
  /** Whether the service got the port by this call. */
  readonly created: boolean
  /** Why the number would not have been allocated automatically. */
  readonly caution?: PassOverReason
}

export interface AllocateOptions extends GetOptions {
  /**
   * Names this allocation, so that asking again under the same key gives the same port until it is
   * released. Any text of up to 100 characters that the caller chooses, such as a UUID.
   */
  readonly idempotencyKey?: string
}

/** For several ports in one transaction, under one key: all or none. */
export interface AllocateManyOptions extends AllocateOptions, Partial<Layout> {
  readonly count: number
}

export type EnsureManyOptions = Omit<GetOptions, 'protocol'>

export interface NarrowOptions extends InstanceOption, WriteOptions {
  /** Default: both. */
  readonly protocol?: Protocol
  /** Default: all ports of the service. */
  readonly portNumber?: number
}

export interface ReleaseOptions extends NarrowOptions {
  /** Only this holding. If it has ended, the call fails with `LEASE_LOST`. */
  readonly allocationId?: string
}

export interface RenewOptions extends ReleaseOptions {
  /** Default: this host. */
  readonly hostname?: string
}

export interface UpdateOptions extends NarrowOptions {
  /** Default: this host. */
  readonly hostname?: string
  /** All hosts on which the service holds a port. Not with a hostname. */
  readonly allHosts?: boolean
}

export interface NeighbourhoodOptions extends CallOptions {
  /** Default: this host. */
  readonly hostname?: string
  /** The ids of allocations that do not count. */
  readonly without?: readonly string[]
}

/** Narrows a list. An absent field does not narrow it. */
export interface ListOptions extends CallOptions {
  readonly serviceName?: string
  readonly hostname?: string
  readonly portNumber?: number
}

export interface PageOptions extends ListOptions {
  readonly projectName?: string
  /** The `nextCursor` of the page before. */
  readonly cursor?: string
  readonly limit: number
}

export interface AllocationPage {
  readonly allocations: readonly PortAllocation[]
  /** How many there are on all pages. */
  readonly total: number
  /** Absent on the last page. */
  readonly nextCursor?: string
}

export interface HistoryOptions extends CallOptions, Actor {
  readonly projectName?: string
  readonly serviceName?: string
  readonly portNumber?: number
  /** Only events from this time or later. */
  readonly since?: Date
  /** The `nextCursor` of the page before. */
  readonly cursor?: string
  readonly limit: number
}

export interface HistoryPage {
  readonly events: readonly PortEvent[]
  /** Absent on the last page. */
  readonly nextCursor?: string
}

export interface ImportOptions extends WriteOptions {
  /** Reports what the import would do, and changes nothing. */
  readonly dryRun?: boolean
  /** Imports the rows that are in no conflict. */
  readonly skipConflicts?: boolean
}

export interface ResizeOptions extends RangeChoice, WriteOptions {}
