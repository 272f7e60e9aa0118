import type { CallOptions, WriteOptions } from './CallOptions.js'
import type { Protocol } from './PortAllocation.js'
import type { Bounds } from './PortRange.js'

/** The host and the protocol for which numbers are reserved. */
export interface ReservationScope {
  /** The only host. Absent: every host. */
  readonly hostname?: string
  /** The only protocol. Absent: both. */
  readonly protocol?: Protocol
}

export interface ReservedNumbers extends Bounds, ReservationScope {}

export interface ReservationRequest extends ReservedNumbers {
  readonly reason: string
  /** When the reservation ends, by the database's clock. Absent: when it is removed. */
  readonly endsAt?: Date
}

/** Numbers that are kept out of automatic allocation. */
export interface Reservation extends ReservationRequest {
  /** The actor that reserved them, as stated by the caller. A label, not a proof. */
  readonly reservedBy?: string
  readonly createdAt: Date
}

/** Keeps numbers out of automatic allocation. Each change writes one event. */
export interface ReservationStore {
  /**
   * Reserves the numbers for every call that begins afterwards. If the same numbers are reserved
   * already on the same host and for the same protocol, sets the reason and the end. Live
   * allocations stay.
   * @throws {PortsError} `INVALID_ARGUMENT` if the end has passed
   */
  reserve(request: ReservationRequest, call?: WriteOptions): Promise<Reservation>

  /**
   * Removes the reservations of exactly these numbers, narrowed by host and protocol if they are
   * given. Returns those that had not ended.
   */
  unreserve(numbers: ReservedNumbers, call?: WriteOptions): Promise<readonly Reservation[]>

  /** The reservations that have not ended, by start port, end port, host and protocol. */
  listReservations(call?: CallOptions): Promise<readonly Reservation[]>
}
