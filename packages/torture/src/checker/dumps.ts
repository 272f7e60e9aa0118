// Checks that a dump is a snapshot: at some moment of the call, all of its contents may have
// existed, and everything missing may have been absent. So it never has the later of two sequential
// changes without the earlier one.

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

export const NOT_A_SNAPSHOT = 'dump that is not a snapshot'

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
        report(NOT_A_SNAPSHOT, { what, at, end, excluded: telling(excluded, at, end) })
    }
  }
}

function rangeOf([project, startPort, endPort, boundTo]: [string, number, number, string?]) {
  return { project, startPort, endPort, boundTo: boundTo ?? undefined }
}

/**
 * The allocations equal those that the events of the same dump leave held, except for ended leases
 * that were not collected yet.
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
  const unacknowledged = ids.filter((id) => !told.has(id))
  const hasLease = (id: number) => mayHaveLease(ledger, ledger.callNamed(makers[id] ?? null))
  const gone = heldByEvents.filter((id) => !held.has(id) && !hasLease(id))
  if (unacknowledged.length > 0 || gone.length > 0)
    report(NOT_A_SNAPSHOT, { what, unacknowledged, gone })
}

/** Checks the permanent ranges. */
function checkRangesOf(what: string, ranges: readonly Range[], report: Report) {
  const listed = new Set(ranges.map(nameOfRange))
  for (const { projectName: project, ranges: own } of PROJECTS) {
    for (const range of own) {
      const name = nameOfRange({ project, ...range })
      if (!listed.has(name)) report('acknowledged and lost', { range: name, 'not in': what })
    }
  }
}

/** The times at which a row of the dump was certainly not held. */
function excludedByRows(ledger: Ledger, rows: readonly Row[], window: Interval) {
  const unclear = new Set(
    ledger.unknownOutcomes
      .filter(({ from, until }) => from < window.until && until > window.from)
      .map(({ service }) => service.name),
  )
  return rows.flatMap((row) => {
    const name = nameOf(row)
    const claims = ledger.services.get(name)?.claimsByPort.get(row.port)
    // Unacknowledged rows are checked elsewhere.
    if (!claims || unclear.has(name)) return []
    const times = claims.map(({ possiblyFrom, possiblyUntil }) => ({
      from: possiblyFrom,
      until: possiblyUntil,
    }))
    return between(times).map((time) => ({ ...time, because: `${placeOf(row)} is ${name}` }))
  })
}

/** The times at which a missing row was certainly held. */
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

/** Returns the gaps between the times. */
function between(times: readonly Interval[]) {
  const gaps: Interval[] = []
  let last = Number.NEGATIVE_INFINITY
  for (const { from, until } of merged(times)) {
    gaps.push({ from: last, until: from })
    last = until
  }
  return [...gaps, { from: last, until: FOREVER }]
}

/** The ends of excluded intervals are not excluded. */
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
 * Returns the relevant exclusions: at the start of the window the one that ends last, at its end
 * the one that starts first.
 */
function telling(excluded: readonly (Interval & { because: string })[], at: number, end: number) {
  const atFirst = excluded.filter(({ from, until }) => from < at && until > at)
  const atLast = excluded.filter(({ from, until }) => from < end && until > end)
  atFirst.sort((one, other) => other.until - one.until)
  atLast.sort(byStart)
  return [atFirst[0], atLast[0]]
}
