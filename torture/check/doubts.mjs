// What is held though nobody was told, and whether getOrAllocate tells.
import { nameOf } from './claims.mjs'
import { groupBy } from './groups.mjs'
import { isFull } from './histories.mjs'

/**
 * @typedef {import('./check.mjs').Report} Report
 * @typedef {import('./check.mjs').Row} Row
 * @typedef {import('./check.mjs').Table} Table
 * @typedef {import('./claims.mjs').Service} Service
 * @typedef {import('./Ledger.mjs').Ledger} Ledger
 */

/** The process that resolves, which is its history's name. */
export const RESOLVER = 'resolver'

/**
 * A service of which something is in doubt, and what it holds by the table.
 * @typedef {{ project: string, service: string, instance: string, host: string, proto: string, ports: number[] }} InDoubt
 */

/**
 * @param {Ledger} ledger
 * @param {Table} table
 * @returns {InDoubt[]}
 */
export function servicesInDoubt(ledger, table) {
  const names = new Set(untold(ledger, table).map(({ name }) => name))
  for (const { service, until } of ledger.doubts) if (until > table.end) names.add(service.name)
  const rows = groupBy(table.rows, nameOf)
  return [...names].map((name) => {
    const [project = '', service = '', instance = '', host = '', proto = ''] = name.split(/[/@]/)
    const ports = (rows.get(name) ?? []).map(({ port }) => port)
    return { project, service, instance, host, proto, ports }
  })
}

/**
 * A call of unknown outcome explains one holding, and so does one under way that may be repeated.
 * @param {Ledger} ledger
 * @param {Table} table
 * @param {Report} report
 */
export function checkUntold(ledger, table, report) {
  const open = groupBy(
    ledger.doubts.filter(({ from, until }) => from < table.end && until > table.at),
    ({ service }) => service.name,
  )
  for (const { name, ports } of untold(ledger, table)) {
    const window = { from: table.at, until: table.end }
    const underWay = ledger.services.get(name)?.repeatableDuring(window) ?? 0
    const explained = (open.get(name)?.length ?? 0) + underWay
    if (ports.length > explained)
      report('held, and nobody was told (zombie)', { name, ports, explained })
  }
}

/**
 * @param {Ledger} ledger
 * @param {Table} table
 */
function untold(ledger, { at, end, rows }) {
  const found = /** @type {{ name: string, ports: number[] }[]} */ ([])
  for (const [name, rowsOfService] of groupBy(rows, nameOf)) {
    const claims = ledger.services.get(name)?.claimsByPort
    const ports = rowsOfService.map(({ port }) => port)
    const strange = ports.filter(
      (port) =>
        !claims?.get(port)?.some((claim) => claim.possiblyFrom <= end && claim.possiblyUntil >= at),
    )
    if (strange.length > 0) found.push({ name, ports: strange })
  }
  return found
}

/**
 * The resolver was told every port that the table had for the service; or, where it had none, got
 * an answer at all.
 * @param {Ledger} ledger
 * @param {readonly InDoubt[]} doubts
 * @param {Report} report
 */
export function checkResolved(ledger, doubts, report) {
  const asked = ledger.calls.filter(({ by, op }) => by === RESOLVER && op === 'get')
  const answers = groupBy(asked, (call) =>
    nameOf(/** @type {Row} */ (/** @type {unknown} */ (call))),
  )
  for (const doubt of doubts) {
    const calls = answers.get(nameOf(doubt)) ?? []
    const told = new Set(calls.map(({ ok }) => ok))
    // What it held with a lease may have ended before it was asked for.
    const mayHaveEnded = ledger.services.get(nameOf(doubt))?.leases.any
    const left = mayHaveEnded ? [] : doubt.ports.filter((port) => !told.has(port))
    const answered = calls.some(({ ok, error }) => ok !== undefined || isFull(error))
    if (left.length > 0 || !answered) {
      const last = calls.at(-1)
      report('held, and nobody was told (zombie)', { doubt, left, last: last ?? 'not asked' })
    }
  }
}
