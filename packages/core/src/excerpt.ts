import { printable, printableJson } from './printable.js'

/** Enough to recognise a value by, in characters. */
const MAX_SHOWN = 80
/** An argument may have at most 1000 characters; details keep one that is too long. */
const MAX_DETAIL = 2000

/** The text, or its beginning and `…` if it has more than `max` characters. */
export function excerpt(text: string, max: number): string {
  // A character takes at most two UTF-16 units.
  const characters = [...text.slice(0, 2 * max + 2)]
  return characters.length > max ? `${characters.slice(0, max - 1).join('')}…` : text
}

/** The value as a message can show it: one line, of bounded length, hidden characters escaped. */
export function shown(value: unknown): string {
  if (typeof value === 'bigint') return excerpt(`${value}n`, MAX_SHOWN)
  if (typeof value === 'number' || value === undefined) return String(value)
  const isText = typeof value === 'string'
  const json = serialized(isText ? value.slice(0, 2 * MAX_SHOWN) : value)
  const visible = printableJson(json.slice(0, 4 * MAX_SHOWN))
  const cut = excerpt(visible, isText ? MAX_SHOWN - 1 : MAX_SHOWN)
  return isText && cut !== visible ? `${cut}"` : cut
}

/** A name that came from outside, such as a key or a command, as a message can show it. */
export function shownName(name: string): string {
  return excerpt(printable(name.slice(0, 2 * MAX_SHOWN)), MAX_SHOWN)
}

/**
 * The value as details can keep it: itself, or an excerpt if it is long, deeply nested or not JSON.
 */
export function detail(value: unknown): unknown {
  if (typeof value === 'string') return excerpt(value, MAX_DETAIL)
  if (typeof value === 'bigint') return excerpt(String(value), MAX_DETAIL)
  if (typeof value !== 'object' || value === null) return value
  try {
    return JSON.stringify(value).length <= MAX_DETAIL ? value : shown(value)
  } catch {
    return shown(value)
  }
}

function serialized(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    // The value contains itself, or is nested more deeply than the stack allows.
    return textOf(value)
  }
}

function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}
