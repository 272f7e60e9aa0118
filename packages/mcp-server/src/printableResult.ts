import { printable } from '@ports/core'

/**
 * The result with every text in it printable and on one line: types, descriptions and host names were
 * stored by others, a process chooses the name of its directory, and a model also reads what a person
 * cannot see.
 */
export function printableResult(result: Record<string, unknown>): Record<string, unknown> {
  // An undefined field is left out of JSON, and so of the structure as well.
  const fields = Object.entries(result).filter(([, value]) => value !== undefined)
  return Object.fromEntries(fields.map(([name, value]) => [name, printableValue(value)]))
}

function printableValue(value: unknown): unknown {
  if (typeof value === 'string') return printable(value)
  if (Array.isArray(value)) return value.map(printableValue)
  return typeof value === 'object' && value !== null ? printableResult({ ...value }) : value
}
