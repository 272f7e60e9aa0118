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
  const age = typedDuration(text)
  const time = age === undefined ? isoTime(text) : new Date(Date.now() - age)
  if (time) return time
  throw invalidArgument('since', text, 'a time in ISO 8601, or an age such as 30m, 2h or 7d')
}

/**
 * The end that was typed: as ISO 8601, or as the time until then, such as 2h or 7d.
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export function typedEnd(text: string): Date {
  const wait = typedDuration(text)
  const time = wait === undefined ? isoTime(text) : new Date(Date.now() + wait)
  if (time) return time
  throw invalidArgument('until', text, 'a time in ISO 8601, or from now, such as 30m, 2h or 7d')
}

/**
 * A reader of how long something is to last, such as 90s or 2h. Returns seconds.
 * @param field the name in errors
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export function typedSeconds(field: string): (text: string) => number {
  return (text) => {
    if (text === '0') return 0
    const length = typedDuration(text)
    if (length !== undefined) return length / 1000
    throw invalidArgument(field, text, 'a length of time, such as 90s, 30m, 2h or 7d')
  }
}

/** In milliseconds. */
function typedDuration(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,6})([smhdw])$/.exec(text) ?? []
  return count === undefined ? undefined : Number(count) * UNITS_MS[unit!]!
}

function isoTime(text: string): Date | undefined {
  if (!ISO_8601.test(text)) return undefined
  // Date reads a date without a time of day as UTC.
  const time = new Date(text.includes('T') ? text : `${text}T00:00`)
  return Number.isNaN(time.getTime()) ? undefined : time
}
