/**
 * Fields of the library that have another name on the command line, so that one thing has one name.
 */
const NAMES: Readonly<Record<string, string>> = {
  portNumber: 'port',
  rangeStart: 'startPort',
  rangeEnd: 'endPort',
  utilization: 'utilizationPercent',
}

/** A result of the library with the names that `--json` has for its fields, at every depth. */
export function inJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inJson)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  const entries = Object.entries(value)
  return Object.fromEntries(entries.map(([name, field]) => [NAMES[name] ?? name, inJson(field)]))
}
