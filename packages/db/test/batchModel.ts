import type { BatchItem, Protocol } from '@ports/core'
import { numbers } from './sessions.js'

/** The numbers that are free for each protocol, lowest first. */
export type Free = { readonly [Each in Protocol]: readonly number[] }

/** Which of the numbers that a service holds an item gets, or undefined if they do not do. */
export function pickHeld(held: readonly number[], { count, contiguous }: BatchItem) {
  if (!contiguous) return held.length < count ? undefined : held.slice(0, count)
  const blocks = held.map((first) => numbers(first, first + count - 1))
  return blocks.find((block) => block.every((port) => held.includes(port)))
}

/** The numbers of each item, or undefined if one does not fit. */
export function placeItems(items: readonly BatchItem[], free: Free) {
  const rank = ({ count, contiguous, protocols }: BatchItem) =>
    contiguous && count > 1 ? -count : protocols.length > 1 ? -1 : 0
  const left = { tcp: [...free.tcp], udp: [...free.udp] }
  const placed = new Map<BatchItem, readonly number[]>()
  for (const item of items.toSorted((a, b) => rank(a) - rank(b))) {
    const [first, ...others] = item.protocols
    const possible = left[first!].filter((port) => others.every((it) => left[it].includes(port)))
    const chosen = pickHeld(possible, item)
    if (!chosen) return undefined
    placed.set(item, chosen)
    for (const protocol of item.protocols) {
      left[protocol] = left[protocol].filter((port) => !chosen.includes(port))
    }
  }
  return placed
}
