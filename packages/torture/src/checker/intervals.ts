/** An interval in µs. */
export type Interval = { from: number; until: number }

/** Returns their union, sorted. */
export function merged(intervals: readonly Interval[]): Interval[] {
  const union: Interval[] = []
  for (const { from, until } of [...intervals].sort(byStart)) {
    const last = union.at(-1)
    if (last && from <= last.until) last.until = Math.max(last.until, until)
    else union.push({ from, until })
  }
  return union
}

/**
 * Returns the index of the first interval that starts after that time.
 * The list must be sorted by `from`.
 */
export function firstAfter(sorted: readonly { from: number }[], time: number) {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] as { from: number }).from <= time) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Returns those that overlap the window.
 * @param sorted none of which overlap
 */
export function during(sorted: readonly Interval[], { from, until }: Interval) {
  const found: Interval[] = []
  for (let index = firstAfter(sorted, until) - 1; index >= 0; index--) {
    const interval = sorted[index] as Interval
    if (interval.until < from) break
    found.push(interval)
  }
  return found
}

/** Returns the maximum number of intervals that overlap at one moment of the window. */
export function mostAtOnce(window: Interval, intervals: readonly Interval[]) {
  const edges: [number, number][] = []
  for (const { from, until } of intervals) {
    if (from > window.until || until < window.from) continue
    edges.push([Math.max(from, window.from), 1], [until, -1])
  }
  // Intervals that touch overlap.
  edges.sort(([one, begins], [other, otherBegins]) => one - other || otherBegins - begins)
  let now = 0
  let most = 0
  for (const [, change] of edges) {
    now += change
    most = Math.max(most, now)
  }
  return most
}

export function byStart(one: { from: number }, other: { from: number }) {
  return one.from - other.from
}
