/**
 * Options that are numbers. For them `''` is an error, not an absence: a variable that a script
 * left empty must not come to mean all ports.
 */
const NUMBERS: readonly string[] = ['limit', 'portNumber', 'preferredPort', 'timeoutMs']

/** Whether an optional argument counts as not given: `null` does, and so does `''` for text. */
export function isAbsent(value: unknown): value is undefined | null | '' {
  return value === undefined || value === null || value === ''
}

/** The options without those that count as not given. */
export function given<Options extends object>(options: Options | null | undefined): Options {
  const entries = Object.entries(options ?? {}).filter(
    ([name, value]) => !isAbsent(value) || (value === '' && NUMBERS.includes(name)),
  )
  return Object.fromEntries(entries) as Options
}
