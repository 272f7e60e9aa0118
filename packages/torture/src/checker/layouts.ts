// Checks the layout of numbers: the count, whether they are consecutive, and whether both protocols
// have the same.
import type { Item } from './histories.js'

export const INCOMPLETE_BATCH = 'incomplete batch'
export const WRONG_LAYOUT = 'batch with the wrong layout'

/** Whether the numbers are exactly those of the item. */
export function isLaidOut(
  { count, contiguous, protocols }: Item,
  numbers: readonly { proto: string; port: number }[],
) {
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

/** Whether some of the numbers satisfy the item. */
export function fits(
  { count, contiguous, protocols }: Item,
  numbersOf: (proto: string) => ReadonlySet<number>,
) {
  const [first = new Set<number>(), ...others] = protocols.map(numbersOf)
  const common = [...first].filter((port) => others.every((ports) => ports.has(port)))
  if (!contiguous) return common.length >= count
  const all = new Set(common)
  return common.some((port) => {
    for (let offset = 1; offset < count; offset++) if (!all.has(port + offset)) return false
    return true
  })
}
