// Finds ports that are held without acknowledgement, and checks that getOrAllocate returns them.
import type { Report, Table } from './check.js'
import { type Named, nameOf } from './claims.js'
import { groupBy } from './groups.js'
import { isFull } from './histories.js'
import type { Ledger } from './Ledger.js'

/** The name of the resolver process and of its history. */
export const RESOLVER = 'resolver'

/** A service with an unknown outcome, and the ports that it holds according to the table. */
export type Unresolved = {
  project: string
  service: string
  instance: string
  host: string
  proto: string
  ports: number[]
}

export function unresolvedServices(ledger: Ledger, table: Table): Unresolved[] {
  const names = new Set(unacknowledged(ledger, table).map(({ name }) => name))
  for (const { service, until } of ledger.unknownOutcomes)
    if (until > table.end) names.add(service.name)
  const rows = groupBy(table.rows, nameOf)
  return [...names].map((name) => {
    const [project = '', service = '', instance = '', host = '', proto = ''] = name.split(/[/@]/)
    const ports = (rows.get(name) ?? []).map(({ port }) => port)
    return { project, service, instance, host, proto, ports }
  })
}

/** Each unknown outcome, and each repeatable call in progress, explains one port. */
export function checkUnacknowledged(ledger: Ledger, table: Table, report: Report) {
  const open = groupBy(
    ledger.unknownOutcomes.filter(({ from, until }) => from < table.end && until > table.at),
    ({ service }) => service.name,
  )
  for (const { name, ports } of unacknowledged(ledger, table)) {
    const window = { from: table.at, until: table.end }
    const underWay = ledger.services.get(name)?.repeatableDuring(window) ?? 0
    const explained = (open.get(name)?.length ?? 0) + underWay
    if (ports.length > explained) report('held without acknowledgement', { name, ports, explained })
  }
}

function unacknowledged(ledger: Ledger, { at, end, rows }: Table) {
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
 * The resolver got every port that the table had for the service, or any reply if there was none.
 */
export function checkResolved(ledger: Ledger, unresolved: readonly Unresolved[], report: Report) {
  const asked = ledger.calls.filter(({ by, op }) => by === RESOLVER && op === 'get')
  const answers = groupBy(asked, (call) => nameOf(call as Named))
  for (const service of unresolved) {
    const calls = answers.get(nameOf(service)) ?? []
    const told = new Set(calls.map(({ ok }) => ok))
    // A lease may have ended before the resolver asked.
    const mayHaveEnded = ledger.services.get(nameOf(service))?.leases.any
    const left = mayHaveEnded ? [] : service.ports.filter((port) => !told.has(port))
    const answered = calls.some(({ ok, error }) => ok !== undefined || isFull(error))
    if (left.length > 0 || !answered) {
      const last = calls.at(-1)
      report('held without acknowledgement', { service, left, last: last ?? 'not asked' })
    }
  }
}
