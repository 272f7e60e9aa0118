import { invalidArgument } from '@ports/core'

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** A date, and a time of day and an offset if they are given, as RFC 3339 has them. */
const ISO_8601 = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/

/**
 * The time that was typed: as ISO 8601, or as its age, such as 2h or 7d.
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export function typedTime(text: string): Date {
  const [, count, unit] = /^(\d{1,6})([smhdw])$/.exec(text) ?? []
  if (count !== undefined) return new Date(Date.now() - Number(count) * UNITS_MS[unit!]!)
  const time = new Date(ISO_8601.test(text) ? text : Number.NaN)
  if (!Number.isNaN(time.getTime())) return time
  throw invalidArgument('since', text, 'a time in ISO 8601, or an age such as 30m, 2h or 7d')
}
