import { invalidArgument } from '../errors.js'
import type { LeaseOption } from '../options.js'

/** The longest lease and the longest rest: a year. */
const MAX_SECONDS = 31_536_000

/** @throws {PortsError} `INVALID_ARGUMENT` */
export function validTtl(value: unknown): number {
  return validSeconds('ttlSeconds', value, 1)
}

/** @throws {PortsError} `INVALID_ARGUMENT` */
export function leaseOf({ ttlSeconds }: LeaseOption): LeaseOption {
  return ttlSeconds === undefined ? {} : { ttlSeconds: validTtl(ttlSeconds) }
}

/** @throws {PortsError} `INVALID_ARGUMENT` */
export function validRest(value: unknown): number {
  return validSeconds('restSeconds', value, 0)
}

function validSeconds(field: string, value: unknown, least: number): number {
  const seconds = Number(value)
  if (Number.isInteger(value) && seconds >= least && seconds <= MAX_SECONDS) return seconds
  throw invalidArgument(
    field,
    value,
    `a whole number of seconds from ${least} to ${MAX_SECONDS} (365 days)`,
  )
}
