// What is held though nobody was told, and whether getOrAllocate tells.
import type { Report, Row, Table } from './check.js'
import { nameOf } from './claims.js'
import { groupBy } from './groups.js'
import { isFull } from './histories.js'
import type { Ledger } from './Ledger.js'

/** The process that resolves, which is its history's name. */
export const RESOLVER = 'resolver'

/** A service of which something is in doubt, and what it holds by the table. */
export type InDoubt = {
  project: string
  service: string
  instance: string
  host: string
  proto: string
  ports: number[]
}

export function servicesInDoubt(ledger: Ledger, table: Table): InDoubt[] {
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
 */
export function checkUntold(ledger: Ledger, table: Table, report: Report) {
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

function untold(ledger: Ledger, { at, end, rows }: Table) {
  const found: { name: string; ports: number[] }[] = []
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
 */
export function checkResolved(ledger: Ledger, doubts: readonly InDoubt[], report: Report) {
  const asked = ledger.calls.filter(({ by, op }) => by === RESOLVER && op === 'get')
  const answers = groupBy(asked, (call) => nameOf(call as unknown as Row))
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
