import { invalidArgument } from '../errors.js'
import type { LocalHost } from '../localHost.js'
import type { ReservationOption } from '../options.js'
import type { Bounds } from '../PortRange.js'
import type { ReservationRequest, ReservationScope, ReservedNumbers } from '../ReservationStore.js'
import { validBounds } from '../range/requests.js'
import { MAX_LENGTH, validDate, validProtocol, validText } from '../validate.js'

export interface ReserveOptions extends ReservationScope {
  /** When it ends. Default: when it is removed. */
  readonly endsAt?: Date
}

export function validReservation(
  bounds: Bounds,
  reason: string,
  options: ReserveOptions,
  localHost: LocalHost,
): ReservationRequest {
  const { endsAt } = options
  return {
    ...validReservedNumbers(bounds, options, localHost),
    reason: validText('reason', reason, MAX_LENGTH.description),
    ...(endsAt !== undefined && { endsAt: validDate('endsAt', endsAt) }),
  }
}

export function validReservedNumbers(
  bounds: Bounds,
  { hostname, protocol }: ReservationScope,
  localHost: LocalHost,
): ReservedNumbers {
  return {
    ...validBounds(bounds),
    ...(hostname !== undefined && { hostname: localHost.resolve('hostname', hostname) }),
    ...(protocol !== undefined && { protocol: validProtocol('protocol', protocol) }),
  }
}

export function usingReservation({ useReservation }: ReservationOption): ReservationOption {
  if (useReservation === undefined) return {}
  if (typeof useReservation === 'boolean') return { useReservation }
  throw invalidArgument('useReservation', useReservation, 'true or false')
}
