import type { Protocol } from './PortAllocation.js'

export const EVENT_KINDS = [
  'allocated',
  'claimed',
  'released',
  'updated',
  'range-created',
  'range-resized',
  'range-deleted',
  'reserved',
  'unreserved',
  'lease-ended',
  'rest-changed',
  'limit-set',
  'limit-removed',
  'checkout-moved',
] as const

/**
 * One change of a holding, range, rest, reservation, limit or checkout. Audits write none.
 * `claimed`: the service held the number already, and now prefers it to its others. `lease-ended`
 * is dated at the end of the lease, and written by the next call that wants a number there.
 * `checkout-moved`: another directory is this instance now.
 */
export interface PortEvent {
  readonly id: string
  readonly at: Date
  /** The actor, as stated by the caller. A label, not a proof. */
  readonly actor?: string
  /** The database role that logged in. */
  readonly role: string
  /** The SQL function that was called. */
  readonly call: string
  readonly what: (typeof EVENT_KINDS)[number]
  /** Absent if a reservation or the limit of an actor was changed. */
  readonly projectName?: string
  /**
   * Absent unless an allocation was changed. The fields below are absent then too, except `before`
   * and `after`, the host and the protocol to which a reservation is limited, and the instance and
   * the host of a checkout.
   */
  readonly serviceName?: string
  readonly instance?: string
  readonly hostname?: string
  readonly protocol?: Protocol
  readonly portNumber?: number
  readonly allocationId?: string
  /**
   * The metadata and the end of the lease with which an allocation begins; the bounds and the
   * description of a range or a reservation; the length of a rest; limits; or a directory.
   */
  readonly before?: Readonly<Record<string, unknown>>
  readonly after?: Readonly<Record<string, unknown>>
}
