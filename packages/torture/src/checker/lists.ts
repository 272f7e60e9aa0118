// Checks a list or the table: it shows everything that was certainly held throughout the call, each
// place once, nothing outside its range, and nothing that cannot be held.

import { checkWhole } from './batches.js'
import type { Report, Row } from './check.js'
import { nameOf, placeOf } from './claims.js'
import { readLong } from './histories.js'
import type { Holding } from './holdings.js'
import { firstAfter } from './intervals.js'
import type { Ledger } from './Ledger.js'
import { checkCount } from './limits.js'
import { checkMovesSeen } from './moves.js'
import { checkUnacknowledged } from './unknownOutcomes.js'

export function checkLists(ledger: Ledger, holdings: Map<string, Holding[]>, report: Report) {
  for (const file of ledger.files) {
    for (const { by, project, at, end, ok } of readLong(file, 'list')) {
      const seen = { what: `a list that ${by} was told`, project, at, end, rows: ok.map(rowOf) }
      checkRows(ledger, seen, holdings, report)
    }
  }
}

type ListedRow = [
  project: string,
  service: string,
  host: string,
  proto: string,
  port: number,
  instance: string,
]

/** Parses a row of a history. */
export function rowOf([project, service, host, proto, port, instance]: ListedRow): Row {
  return { project, service, instance, host, proto, port }
}

/** The contents of a list, a dump or the table. */
export type Seen = {
  what: string
  project?: string | undefined
  at: number
  end: number
  rows: readonly Row[]
}

export function checkRows(
  ledger: Ledger,
  seen: Seen,
  holdings: Map<string, Holding[]>,
  report: Report,
) {
  const { what, project, at, end, rows } = seen
  const window = { from: at, until: end }
  const listed = new Map<string, string>()
  for (const row of rows) {
    const place = placeOf(row)
    if (listed.has(place)) report('held by two at once', { place, in: what, at })
    listed.set(place, nameOf(row))
    const isStray = project !== undefined && row.project !== project
    if (isStray || !ledger.ranges.mayOwn(row, window)) {
      report('outside its range', { row, in: what, at })
    }
  }
  for (const [place, there] of holdings) {
    if (project !== undefined && there[0]?.service.project !== project) continue
    const held = there[firstAfter(there, at) - 1]
    if (!held || held.from >= at || held.until <= end) continue
    const { service, port, from } = held
    if (listed.get(place) !== service.name && !service.leases.mayBeUnseen(port, window)) {
      report('acknowledged and lost', { service: service.name, place, from, 'not in': what, at })
    }
  }
  checkUnacknowledged(ledger, seen, report)
  checkCount(ledger, seen, report)
  checkWhole(ledger, seen, report)
  checkMovesSeen(ledger, seen, report)
}
