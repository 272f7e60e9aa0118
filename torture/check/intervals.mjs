/**
 * From a moment to a moment, both in µs.
 * @typedef {{ from: number, until: number }} Interval
 */

/**
 * What they cover together, without overlaps, by time.
 * @param {readonly Interval[]} intervals
 * @returns {Interval[]}
 */
export function merged(intervals) {
  const union = /** @type {Interval[]} */ ([])
  for (const { from, until } of [...intervals].sort(byStart)) {
    const last = union.at(-1)
    if (last && from <= last.until) last.until = Math.max(last.until, until)
    else union.push({ from, until })
  }
  return union
}

/**
 * Of what is sorted by `from`: the index of the first that begins after that time.
 * @param {readonly { from: number }[]} sorted
 * @param {number} time
 */
export function firstAfter(sorted, time) {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (/** @type {{ from: number }} */ (sorted[middle]).from <= time) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * Those that overlap the window.
 * @param {readonly Interval[]} sorted none of which overlap
 * @param {Interval} window
 */
export function during(sorted, { from, until }) {
  const found = /** @type {Interval[]} */ ([])
  for (let index = firstAfter(sorted, until) - 1; index >= 0; index--) {
    const interval = /** @type {Interval} */ (sorted[index])
    if (interval.until < from) break
    found.push(interval)
  }
  return found
}

/**
 * How many of them hold at once, at most, at some moment of the window.
 * @param {Interval} window
 * @param {readonly Interval[]} intervals
 */
export function mostAtOnce(window, intervals) {
  const edges = /** @type {[number, number][]} */ ([])
  for (const { from, until } of intervals) {
    if (from > window.until || until < window.from) continue
    edges.push([Math.max(from, window.from), 1], [until, -1])
  }
  // What ends when another begins was there together with it.
  edges.sort(([one, begins], [other, otherBegins]) => one - other || otherBegins - begins)
  let now = 0
  let most = 0
  for (const [, change] of edges) {
    now += change
    most = Math.max(most, now)
  }
  return most
}

/**
 * @param {{ from: number }} one
 * @param {{ from: number }} other
 */
export function byStart(one, other) {
  return one.from - other.from
}
