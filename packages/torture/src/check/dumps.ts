// A dump is the registry at one moment: there is a moment between its asking and its answer at which
// everything that it shows may have been so, and nothing that it does not show certainly was. So, of
// two changes that were acknowledged one after the other, it never has the later without the
// earlier.

import { PROJECTS } from '../workload.js'
import type { Report, Row } from './check.js'
import { nameOf, placeOf } from './claims.js'
import { groupBy } from './groups.js'
import { FOREVER, readLong } from './histories.js'
import type { Holding } from './holdings.js'
import { byStart, type Interval, merged } from './intervals.js'
import type { Ledger } from './Ledger.js'
import { mayHaveLease } from './leaseEvents.js'
import { checkRows, rowOf } from './lists.js'
import { nameOfRange } from './Ranges.js'

export type Holdings = Map<string, Holding[]>

export type Range = {
  project: string
  startPort: number
  endPort: number
  boundTo: string | undefined
}

export const MIXED = 'dump of more than one moment'

export function checkDumps(ledger: Ledger, holdings: Holdings, report: Report) {
  for (const file of ledger.files) {
    for (const { by, id, at, end, ok } of readLong(file, 'dump')) {
      const what = `dump ${by}#${id}`
      const rows = ok.held.map(rowOf) as Row[]
      const ranges = ok.ranges.map(rangeOf) as Range[]
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

function rangeOf([project, startPort, endPort, boundTo]: [string, number, number, string?]) {
  return { project, startPort, endPort, boundTo: boundTo ?? undefined }
}

/**
 * The allocations are those that the events of the same dump leave held, but for leases that have
 * ended without having been turned into free numbers yet.
 */
function checkEventsOf(
  ledger: Ledger,
  what: string,
  {
    ids,
    heldByEvents,
    makers = {},
  }: { ids: number[]; heldByEvents: number[]; makers?: Record<string, string> },
  report: Report,
) {
  const held = new Set(ids)
  const told = new Set(heldByEvents)
  const untold = ids.filter((id) => !told.has(id))
  const hasLease = (id: number) => mayHaveLease(ledger, ledger.callNamed(makers[id] ?? null))
  const gone = heldByEvents.filter((id) => !held.has(id) && !hasLease(id))
  if (untold.length > 0 || gone.length > 0) report(MIXED, { what, untold, gone })
}

/** The ranges that are there all the time. */
function checkRangesOf(what: string, ranges: readonly Range[], report: Report) {
  const listed = new Set(ranges.map(nameOfRange))
  for (const { projectName: project, ranges: own } of PROJECTS) {
    for (const range of own) {
      const name = nameOfRange({ project, ...range })
      if (!listed.has(name)) report('acknowledged and lost', { range: name, 'not in': what })
    }
  }
}

/** The times at which something that the dump shows was certainly not held. */
function excludedByRows(ledger: Ledger, rows: readonly Row[], window: Interval) {
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

/** The times at which something that the dump does not show was certainly held. */
function excludedByAbsence(rows: readonly Row[], holdings: Holdings, window: Interval) {
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

function excludedByRanges(ledger: Ledger, ranges: readonly Range[]) {
  const listed = new Set(ranges.map(nameOfRange))
  return ledger.ranges.temporary.flatMap((range) => {
    const name = nameOfRange(range)
    const isListed = listed.has(name)
    const times = isListed ? between(range.possible) : range.certain
    return times.map((time) => ({ ...time, because: `${name} is ${isListed ? '' : 'not '}there` }))
  })
}

/** The times that none of them covers. */
function between(times: readonly Interval[]) {
  const gaps: Interval[] = []
  let last = Number.NEGATIVE_INFINITY
  for (const { from, until } of merged(times)) {
    gaps.push({ from: last, until: from })
    last = until
  }
  return [...gaps, { from: last, until: FOREVER }]
}

/** The ends of what is excluded are not excluded themselves. */
function isAnyMomentLeft(excluded: readonly Interval[], window: Interval) {
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
 */
function telling(excluded: readonly (Interval & { because: string })[], at: number, end: number) {
  const atFirst = excluded.filter(({ from, until }) => from < at && until > at)
  const atLast = excluded.filter(({ from, until }) => from < end && until > end)
  atFirst.sort((one, other) => other.until - one.until)
  atLast.sort(byStart)
  return [atFirst[0], atLast[0]]
}
