// A dump is the registry at one moment: there is a moment between its asking and its answer at which
// everything that it shows may have been so, and nothing that it does not show certainly was. So, of
// two changes that were acknowledged one after the other, it never has the later without the
// earlier.
import { PROJECTS } from '../workload.mjs'
import { nameOf, placeOf } from './claims.mjs'
import { groupBy } from './groups.mjs'
import { FOREVER, readLong } from './histories.mjs'
import { byStart, merged } from './intervals.mjs'
import { mayHaveLease } from './leaseEvents.mjs'
import { checkRows, rowOf } from './lists.mjs'
import { nameOfRange } from './Ranges.mjs'

/**
 * @typedef {import('./check.mjs').Report} Report
 * @typedef {import('./check.mjs').Row} Row
 * @typedef {import('./intervals.mjs').Interval} Interval
 * @typedef {import('./Ledger.mjs').Ledger} Ledger
 * @typedef {Map<string, import('./holdings.mjs').Holding[]>} Holdings
 *
 * @typedef {{ project: string, startPort: number, endPort: number, boundTo: string | undefined }} Range
 */

export const MIXED = 'dump of more than one moment'

/**
 * @param {Ledger} ledger
 * @param {Holdings} holdings
 * @param {Report} report
 */
export function checkDumps(ledger, holdings, report) {
  for (const file of ledger.files) {
    for (const { by, id, at, end, ok } of readLong(file, 'dump')) {
      const what = `dump ${by}#${id}`
      const rows = /** @type {Row[]} */ (ok.held.map(rowOf))
      const ranges = /** @type {Range[]} */ (ok.ranges.map(rangeOf))
      checkRows(ledger, { what, at, end, rows }, holdings, report)
      checkEventsOf(ledger, what, ok, report)
      checkRangesOf(what, ranges, report)
      const excluded = [
        ...excludedByRows(ledger, rows, { from: at, until: end }),
        ...excludedByAbsence(rows, holdings, { from: at, until: end }),
        ...excludedByRanges(ledger, ranges),
      ]
      if (!isAnyMomentLeft(excluded, { from: at, until: end }))
        report(MIXED, { what, at, end, excluded: telling(excluded, at, end) })
    }
  }
}

/** @param {[string, number, number, string?]} listed */
function rangeOf([project, startPort, endPort, boundTo]) {
  return { project, startPort, endPort, boundTo: boundTo ?? undefined }
}

/**
 * The allocations are those that the events of the same dump leave held, but for leases that have
 * ended without having been turned into free numbers yet.
 * @param {Ledger} ledger
 * @param {string} what
 * @param {{ ids: number[], heldByEvents: number[], makers?: Record<string, string> }} dumped
 * @param {Report} report
 */
function checkEventsOf(ledger, what, { ids, heldByEvents, makers = {} }, report) {
  const held = new Set(ids)
  const told = new Set(heldByEvents)
  const untold = ids.filter((id) => !told.has(id))
  const hasLease = (/** @type {number} */ id) =>
    mayHaveLease(ledger, ledger.callNamed(makers[id] ?? null))
  const gone = heldByEvents.filter((id) => !held.has(id) && !hasLease(id))
  if (untold.length > 0 || gone.length > 0) report(MIXED, { what, untold, gone })
}

/**
 * The ranges that are there all the time.
 * @param {string} what
 * @param {readonly Range[]} ranges
 * @param {Report} report
 */
function checkRangesOf(what, ranges, report) {
  const listed = new Set(ranges.map(nameOfRange))
  for (const { projectName: project, ranges: own } of PROJECTS) {
    for (const range of own) {
      const name = nameOfRange({ project, ...range })
      if (!listed.has(name)) report('acknowledged and lost', { range: name, 'not in': what })
    }
  }
}

/**
 * The times at which something that the dump shows was certainly not held.
 * @param {Ledger} ledger
 * @param {readonly Row[]} rows
 * @param {Interval} window
 */
function excludedByRows(ledger, rows, window) {
  const doubtful = new Set(
    ledger.doubts
      .filter(({ from, until }) => from < window.until && until > window.from)
      .map(({ service }) => service.name),
  )
  return rows.flatMap((row) => {
    const name = nameOf(row)
    const claims = ledger.services.get(name)?.claimsByPort.get(row.port)
    // Where nobody was told of it, it is judged as a row.
    if (!claims || doubtful.has(name)) return []
    const times = claims.map(({ possiblyFrom, possiblyUntil }) => ({
      from: possiblyFrom,
      until: possiblyUntil,
    }))
    return between(times).map((time) => ({ ...time, because: `${placeOf(row)} is ${name}` }))
  })
}

/**
 * The times at which something that the dump does not show was certainly held.
 * @param {readonly Row[]} rows
 * @param {Holdings} holdings
 * @param {Interval} window
 */
function excludedByAbsence(rows, holdings, window) {
  const byPlace = groupBy(rows, placeOf)
  return [...holdings].flatMap(([place, there]) => {
    const shown = (byPlace.get(place) ?? []).map(nameOf)
    return there
      .filter(({ from, until }) => from < window.until && until > window.from)
      .filter(({ service }) => !shown.includes(service.name))
      .filter(({ service, port }) => !service.leases.mayBeUnseen(port, window))
      .map(({ service, from, until }) => ({
        from,
        until,
        because: `${place} is not ${service.name}`,
      }))
  })
}

/**
 * @param {Ledger} ledger
 * @param {readonly Range[]} ranges
 */
function excludedByRanges(ledger, ranges) {
  const listed = new Set(ranges.map(nameOfRange))
  return ledger.ranges.temporary.flatMap((range) => {
    const name = nameOfRange(range)
    const isListed = listed.has(name)
    const times = isListed ? between(range.possible) : range.certain
    return times.map((time) => ({ ...time, because: `${name} is ${isListed ? '' : 'not '}there` }))
  })
}

/**
 * The times that none of them covers.
 * @param {readonly Interval[]} times
 */
function between(times) {
  const gaps = /** @type {Interval[]} */ ([])
  let last = Number.NEGATIVE_INFINITY
  for (const { from, until } of merged(times)) {
    gaps.push({ from: last, until: from })
    last = until
  }
  return [...gaps, { from: last, until: FOREVER }]
}

/**
 * The ends of what is excluded are not excluded themselves.
 * @param {readonly Interval[]} excluded
 * @param {Interval} window
 */
function isAnyMomentLeft(excluded, window) {
  let moment = window.from
  for (const { from, until } of [...excluded].sort(byStart)) {
    if (from >= moment) return true
    moment = Math.max(moment, until)
    if (moment > window.until) return false
  }
  return true
}

/**
 * Of what excludes every moment, what ends last of that which holds at the beginning, and what
 * begins first of that which holds at the end.
 * @param {readonly (Interval & { because: string })[]} excluded
 * @param {number} at
 * @param {number} end
 */
function telling(excluded, at, end) {
  const atFirst = excluded.filter(({ from, until }) => from < at && until > at)
  const atLast = excluded.filter(({ from, until }) => from < end && until > end)
  atFirst.sort((one, other) => other.until - one.until)
  atLast.sort(byStart)
  return [atFirst[0], atLast[0]]
}
