/** Fields of the library that the command line calls by another name: one name for one thing. */
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
