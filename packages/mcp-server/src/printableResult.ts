import { printableLines } from '@ports/core'

/**
 * The result with every text in it printable: types, descriptions and host names are what others
 * stored, and a model reads also what a person cannot see.
 */
export function printableResult(result: Record<string, unknown>): Record<string, unknown> {
  // A field that is undefined is none in JSON, and none in the structure.
  const fields = Object.entries(result).filter(([, value]) => value !== undefined)
  return Object.fromEntries(fields.map(([name, value]) => [name, printableValue(value)]))
}

function printableValue(value: unknown): unknown {
  if (typeof value === 'string') return printableLines(value)
  if (Array.isArray(value)) return value.map(printableValue)
  return typeof value === 'object' && value !== null ? printableResult({ ...value }) : value
}
