// Whether numbers are laid out as an item of a batch asks: so many, consecutive if it says so, and
// the same for both protocols.

/** @typedef {import('./histories.mjs').Item} Item */

export const HALF = 'batch that is half there'
export const OTHER_LAYOUT = 'batch of another layout than asked for'

/**
 * Whether they are exactly what the item asks for.
 * @param {Item} item
 * @param {readonly { proto: string, port: number }[]} numbers
 */
export function isLaidOut({ count, contiguous, protocols }, numbers) {
  const [first = [], ...others] = protocols.map((proto) =>
    numbers
      .filter((number) => number.proto === proto)
      .map(({ port }) => port)
      .sort((one, other) => one - other),
  )
  const last = first.at(-1) ?? 0
  return (
    numbers.length === count * protocols.length &&
    new Set(first).size === count &&
    others.every((ports) => ports.join() === first.join()) &&
    (!contiguous || last - (first[0] ?? 0) === count - 1)
  )
}

/**
 * Whether some of the numbers are what the item asks for.
 * @param {Item} item
 * @param {(proto: string) => ReadonlySet<number>} numbersOf
 */
export function fits({ count, contiguous, protocols }, numbersOf) {
  const [first = new Set(), ...others] = protocols.map(numbersOf)
  const common = [...first].filter((port) => others.every((ports) => ports.has(port)))
  if (!contiguous) return common.length >= count
  const all = new Set(common)
  return common.some((port) => {
    for (let offset = 1; offset < count; offset++) if (!all.has(port + offset)) return false
    return true
  })
}
