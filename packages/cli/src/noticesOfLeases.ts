import { type PortAllocation, toSeconds } from '@ports/core'

/** A notice of when the first of the leases ends, if there are any. */
export function noticesOfLeases(allocations: readonly PortAllocation[]): string[] {
  const ends = allocations.flatMap(({ leaseEndsAt }) => leaseEndsAt ?? [])
  if (ends.length === 0) return []
  const until = toSeconds(new Date(Math.min(...ends.map(Number))))
  return [`Held until ${until}, unless it is renewed before.`]
}
