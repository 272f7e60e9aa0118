/**
 * Options that are numbers. An empty text is no number there but a mistake: a number that a script
 * left empty must not come to mean all ports.
 */
const NUMBERS: readonly string[] = ['limit', 'portNumber', 'timeoutMs']

/** Whether an optional argument counts as not given: `null` does, and for text `''`. */
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
