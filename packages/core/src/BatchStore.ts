import type { GivingOptions } from './CallOptions.js'
import type { Metadata, PortAllocation, Protocol, ServiceKey } from './PortAllocation.js'
import type { Bounds } from './PortRange.js'

/** How many numbers, and whether they are consecutive. */
export interface Layout {
  readonly count: number
  /** Whether each number follows the one before it. */
  readonly contiguous: boolean
}

/** The ports that a batch gives one service. */
export interface BatchItem extends Layout {
  readonly serviceName: string
  /** If both are given, each number is held for both. */
  readonly protocols: readonly Protocol[]
}

/** No two items have the same service and protocol. */
export interface BatchRequest extends Omit<ServiceKey, 'serviceName' | 'protocol'>, Metadata {
  readonly items: readonly BatchItem[]
  /**
   * How long the leases last from now. Absent: new ports get no lease, and existing leases stay.
   */
  readonly ttlSeconds?: number
  /** Numbers that are not allocated. */
  readonly avoid?: { readonly [Each in Protocol]?: readonly Bounds[] }
}

export interface BatchAllocation extends PortAllocation {
  /** Whether the service got the port by this call. */
  readonly created: boolean
}

interface NumberOfProtocol {
  readonly portNumber: number
  readonly protocol: Protocol
}

export interface Batch {
  /** In the order of the items, then by number and protocol. */
  readonly allocations: readonly BatchAllocation[]
  /** Available numbers below the highest new ones that were avoided, 20 of a protocol at most. */
  readonly passedOver: readonly NumberOfProtocol[]
  /** Numbers below the highest new ones that rest, 20 of a protocol at most. */
  readonly resting: readonly NumberOfProtocol[]
}

export interface ManyRequest extends ServiceKey, Metadata, Layout {
  readonly idempotencyKey?: string
  /** How long the leases last from now. Absent: the ports have no lease. */
  readonly ttlSeconds?: number
  /** Numbers that are not allocated. */
  readonly avoid?: readonly Bounds[]
}

/** Allocates several numbers in one transaction: all or none. Each writes one event. */
export interface BatchStore {
  /**
   * Gives each service of the batch the numbers that its item asks for. A service that holds ports
   * keeps them, and its item gets the first of them in the order of `getOrAllocate`. Blocks are
   * allocated first, then numbers for both protocols, then the others, each the lowest that fit.
   * Concurrent callers of the same batch get the same numbers.
   * @throws {PortsError} `RANGE_EXHAUSTED` saying what would fit, `LAYOUT_MISMATCH` naming what a
   * service holds, `BUSY`
   */
  ensureMany(request: BatchRequest, call?: GivingOptions): Promise<Batch>

  /**
   * Allocates `count` more numbers for the service. Returns them, lowest first. If the service
   * holds ports under the same idempotency key, returns those.
   * @throws {PortsError} as `ensureMany`
   */
  allocateMany(request: ManyRequest, call?: GivingOptions): Promise<readonly number[]>
}
