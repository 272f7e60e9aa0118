import { invalidArgument } from './errors.js'
import { LONGEST_HOSTNAME } from './hostname.js'
import { PROTOCOLS, type Protocol } from './PortAllocation.js'

/** The longest texts the store takes, in Unicode code points. */
export const MAX_LENGTH = {
  hostname: LONGEST_HOSTNAME,
  serviceType: 100,
  description: 1000,
  idempotencyKey: 100,
  actor: 200,
  identity: 50,
} as const

/** @param expected what it must be instead: `an object with …` */
export function validObject<Value extends object>(
  field: string,
  value: Value,
  expected: string,
): Value {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw invalidArgument(field, value, expected)
}

/** Accepts any signal that has the methods that calls use, such as one of another realm. */
export function validSignal(field: string, value: unknown): AbortSignal {
  const { throwIfAborted, addEventListener } = Object(value)
  if (typeof throwIfAborted === 'function' && typeof addEventListener === 'function') {
    return value as AbortSignal
  }
  throw invalidArgument(field, value, 'an AbortSignal')
}

export function validFunction<Value>(field: string, value: Value): Value {
  if (typeof value === 'function') return value
  throw invalidArgument(field, value, 'a function')
}

export function validPort(field: string, value: unknown): number {
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65535) return Number(value)
  throw invalidArgument(field, value, 'a whole number from 1 to 65535')
}

export function validCount(field: string, value: unknown, max: number): number {
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= max) return Number(value)
  throw invalidArgument(field, value, `a whole number from 1 to ${max}`)
}

const ID = /^\d{1,18}$/

/** The id of an allocation, as the registry gives it. */
export function validId(field: string, value: unknown): string {
  if (typeof value === 'string' && ID.test(value)) return value
  throw invalidArgument(field, value, 'the id of an allocation')
}

/** Ids of allocations, as the registry gives them. */
export function validIds(field: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((id) => ID.test(id))) return value
  throw invalidArgument(field, value, 'a list of ids of allocations')
}

export function validProtocol(field: string, value: unknown): Protocol {
  const protocol = PROTOCOLS.find((known) => known === value)
  if (protocol) return protocol
  throw invalidArgument(field, value, PROTOCOLS.join(' or '))
}

/** Text for people: anything but NUL and lone surrogates, which PostgreSQL cannot store. */
export function validText(field: string, value: unknown, maxLength: number): string {
  const storable =
    typeof value === 'string' &&
    value.trim() !== '' &&
    !value.includes('\0') &&
    !/\p{Surrogate}/u.test(value) &&
    [...value].length <= maxLength
  if (storable) return value
  throw invalidArgument(
    field,
    value,
    `text of 1 to ${maxLength} characters, not only blanks, without NUL`,
  )
}

/** The years that ISO 8601 writes in four digits and PostgreSQL can store. */
const FIRST_DATE = new Date('0001-01-01T00:00:00Z')
const LAST_DATE = new Date('9999-12-31T23:59:59.999Z')

export function validDate(field: string, value: unknown): Date {
  if (value instanceof Date && value >= FIRST_DATE && value <= LAST_DATE) return value
  throw invalidArgument(field, value, 'a Date of the years 1 to 9999')
}
