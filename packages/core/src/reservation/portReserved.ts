import { PortsError } from '../errors.js'
import type { Scope } from '../PortAllocation.js'
import type { Bounds } from '../PortRange.js'
import { printable } from '../printable.js'
import { toSeconds } from '../toSeconds.js'

/** A number that was asked for, and its reservation. */
export interface Reserved extends Scope, Bounds {
  readonly portNumber: number
  readonly reason: string
  readonly reservedBy: string | null
  /** ISO 8601; null if it ends when it is removed. */
  readonly endsAt: string | null
}

export function portReserved(reserved: Reserved, cause?: unknown): PortsError {
  const { portNumber, hostname, protocol, startPort, endPort, reason, reservedBy, endsAt } =
    reserved
  const by = reservedBy === null ? '' : ` by ${printable(reservedBy)}`
  const until = endsAt === null ? '' : ` until ${toSeconds(endsAt)}`
  const among = startPort === endPort ? '' : ` with ${startPort}-${endPort}`
  return new PortsError(
    'PORT_RESERVED',
    `Port ${portNumber} is reserved on ${hostname}/${protocol}${among}${by}${until}: ${printable(reason)}. ` +
      'Take another number, or ask for this one despite the reservation.',
    { ...reserved },
    { cause },
  )
}
