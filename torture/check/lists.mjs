// What a list, or the table itself, must show: everything that was certainly held from before it was
// asked for to after it was answered, each place once, nothing outside of its range, and nothing that
// nobody may hold.
import { PROJECTS } from '../workload.mjs'
import { nameOf, placeOf } from './claims.mjs'
import { checkUntold } from './doubts.mjs'
import { readLists } from './histories.mjs'
import { firstAfter } from './intervals.mjs'

/**
 * @typedef {import('./holdings.mjs').Holding} Holding
 * @typedef {import('./check.mjs').Report} Report
 * @typedef {import('./check.mjs').Row} Row
 */

/**
 * @param {import('./Ledger.mjs').Ledger} ledger
 * @param {Map<string, Holding[]>} holdings
 * @param {Report} report
 */
export function checkLists(ledger, holdings, report) {
  for (const file of ledger.files) {
    for (const { by, project, at, end, ok } of readLists(file)) {
      const rows = ok.map(
        (/** @type {any[]} */ [project, service, host, proto, port, instance]) => ({
          project,
          service,
          instance,
          host,
          proto,
          port,
        }),
      )
      checkRows({ what: `a list that ${by} was told`, project, at, end, rows }, holdings, report)
      checkUntold(ledger, { at, end, rows }, report)
    }
  }
}

/**
 * @param {{ what: string, project?: string | undefined, at: number, end: number, rows: readonly Row[] }} seen
 * @param {Map<string, Holding[]>} holdings
 * @param {Report} report
 */
export function checkRows({ what, project, at, end, rows }, holdings, report) {
  const listed = new Map()
  for (const row of rows) {
    const place = placeOf(row)
    if (listed.has(place)) report('held by two at once', { place, in: what, at })
    listed.set(place, nameOf(row))
    const isStray = project !== undefined && row.project !== project
    if (isStray || !isInRange(row)) report('outside its range', { row, in: what, at })
  }
  for (const [place, there] of holdings) {
    if (project !== undefined && there[0]?.service.project !== project) continue
    const held = there[firstAfter(there, at) - 1]
    if (!held || held.from >= at || held.until <= end) continue
    if (listed.get(place) !== held.service.name) {
      const { service, from } = held
      report('acknowledged and lost', { service: service.name, place, from, 'not in': what, at })
    }
  }
}

/** @param {{ project: string, port: number }} row */
export function isInRange({ project, port }) {
  const range = PROJECTS.find(({ projectName }) => projectName === project)
  return range !== undefined && port >= range.startPort && port <= range.endPort
}
