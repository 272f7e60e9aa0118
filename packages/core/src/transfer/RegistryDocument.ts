import type { Limits } from '../CallOptions.js'
import type { Checkout } from '../CheckoutStore.js'
import type { AllocationStatus, Metadata, ServiceKey } from '../PortAllocation.js'
import type { PortRange } from '../PortRange.js'
import type { Reservation } from '../ReservationStore.js'

/** The version of the format. It increases when the meaning of a document changes. */
export const DOCUMENT_VERSION = 1

/**
 * A whole registry, without the results of audits. Times are in ISO 8601. `registry.schema.json`
 * describes it.
 */
export interface RegistryDocument extends RegistryContent {
  readonly format: 'ports-registry'
  readonly version: typeof DOCUMENT_VERSION
  readonly takenAt: string
}

export interface RegistryContent {
  readonly projects: readonly DumpedProject[]
  readonly ranges: readonly DumpedRange[]
  readonly checkouts: readonly DumpedCheckout[]
  readonly reservations: readonly DumpedReservation[]
  readonly limits: readonly DumpedLimit[]
  readonly allocations: readonly DumpedAllocation[]
  readonly resting: readonly DumpedRest[]
  readonly events: readonly DumpedEvent[]
}

export interface DumpedProject {
  readonly projectName: string
  readonly settings: object
  readonly createdAt: string
  /** Absent: its numbers do not rest. */
  readonly restSeconds?: number
}

export interface DumpedRange extends PortRange {
  readonly createdAt: string
}

export interface DumpedCheckout extends Omit<Checkout, 'createdAt' | 'allocationIds'> {
  readonly createdAt: string
  readonly allocationIds?: readonly number[]
}

export interface DumpedReservation extends Omit<Reservation, 'createdAt' | 'endsAt'> {
  readonly createdAt: string
  readonly endsAt?: string
}

export interface DumpedAllocation extends ServiceKey, Metadata {
  readonly id: number
  readonly portNumber: number
  readonly status: AllocationStatus
  /** The order of the service's ports. `getOrAllocate` returns the one with the lowest. */
  readonly ordinal: number
  readonly idempotencyKey?: string
  readonly allocatedAt: string
  readonly lastUsedAt?: string
  /** The actor that got the port, as stated by the caller. */
  readonly heldBy?: string
  readonly leaseEndsAt?: string
}

/** Either a project or an actor has it. */
export interface DumpedLimit extends Limits {
  readonly projectName?: string
  readonly actor?: string
  readonly setBy?: string
}

/** A number that only the service that held it last can get now. */
export interface DumpedRest extends ServiceKey {
  readonly portNumber: number
  readonly restsUntil: string
}

export interface DumpedEvent {
  readonly id: number
  readonly occurredAt: string
  readonly actor?: string
  readonly roleName: string
  readonly call: string
  readonly what: string
  /** Absent if a reservation was changed. */
  readonly projectName?: string
  readonly serviceName?: string
  readonly instance?: string
  readonly hostname?: string
  readonly protocol?: string
  readonly portNumber?: number
  readonly allocationId?: number
  readonly before?: object
  readonly after?: object
}
