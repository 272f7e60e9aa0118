import { validObject, validSignal } from './validate.js'

/**
 * Options that are numbers. For them `''` is an error and does not count as absent, because an
 * empty variable of a script must not mean all ports.
 */
const NUMBERS: readonly string[] = [
  'count',
  'from',
  'idleDays',
  'limit',
  'portNumber',
  'preferredPort',
  'timeoutMs',
]

/** Whether an optional argument counts as not given: `null` does, and so does `''` for text. */
export function isAbsent(value: unknown): value is undefined | null | '' {
  return value === undefined || value === null || value === ''
}

/**
 * The options without those that count as not given.
 * @throws {PortsError} `INVALID_ARGUMENT` if they are not an object, or if their signal is not one
 */
export function given<Options extends object>(options: Options | null | undefined): Options {
  const entries = Object.entries(validObject('options', options ?? {}, 'an object')).filter(
    ([name, value]) => !isAbsent(value) || (value === '' && NUMBERS.includes(name)),
  )
  const accepted = Object.fromEntries(entries)
  if ('signal' in accepted) validSignal('signal', accepted.signal)
  return accepted as Options
}
