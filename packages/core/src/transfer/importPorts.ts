import { given, isAbsent } from '../absent.js'
import type { WriteOptions } from '../CallOptions.js'
import { invalidArgument } from '../errors.js'
import type { Metadata, Scope, ServiceKey } from '../PortAllocation.js'
import type { Holding, ImportMode, ImportOutcome, TransferStore } from '../TransferStore.js'
import { validObject } from '../validate.js'

/** A number that a service uses already. */
export interface ImportRow extends Partial<Scope>, Metadata {
  readonly projectName: string
  readonly serviceName: string
  readonly portNumber: number
  /** Default: the primary one. */
  readonly instance?: string
}

export interface ImportedRow extends ServiceKey, ImportOutcome {
  readonly portNumber: number
}

export interface ImportReport {
  /** In the order of the rows. */
  readonly rows: readonly ImportedRow[]
  readonly claimed: number
  readonly held: number
  readonly conflicts: number
  /** Whether the registry was changed: not by a dry run, and not if a conflict prevented it. */
  readonly changed: boolean
}

/** More would take longer than a statement may. */
const MAX_ROWS = 1000

const ROW = 'an object with projectName, serviceName and portNumber'

/**
 * @param holdingOf validates a row; its path names it in errors
 */
export function validRows(
  rows: readonly ImportRow[],
  holdingOf: (row: ImportRow, path: string) => Holding,
): Holding[] {
  if (!Array.isArray(rows)) throw invalidArgument('rows', rows, 'a list')
  if (rows.length > MAX_ROWS) {
    throw invalidArgument('rows', `${rows.length} rows`, `at most ${MAX_ROWS} rows`)
  }
  return rows.map((row: ImportRow, index) => {
    const path = `rows[${index}]`
    const present = given(validObject(path, row, ROW))
    const holding = holdingOf(present, path)
    // A row that names a host is about that host alone.
    return isAbsent(present.hostname) ? holding : { ...holding, boundTo: holding.hostname }
  })
}

export async function importPorts(
  store: TransferStore,
  holdings: readonly Holding[],
  mode: ImportMode,
  call: WriteOptions,
): Promise<ImportReport> {
  const outcomes = await store.importPorts(holdings, mode, call)
  const rows = outcomes.map((outcome, index) => {
    const { projectName, serviceName, instance, hostname, protocol, portNumber } = holdings[index]!
    const service = { projectName, serviceName, instance, hostname, protocol }
    return { ...service, portNumber, ...outcome }
  })
  const count = (outcome: ImportOutcome['outcome']) =>
    rows.filter((row) => row.outcome === outcome).length
  const [claimed, held, conflicts] = [count('claimed'), count('held'), count('conflict')]
  const isForbidden = conflicts > 0 && !mode.skipConflicts
  return { rows, claimed, held, conflicts, changed: claimed > 0 && !mode.dryRun && !isForbidden }
}
