import { given, isAbsent } from '../absent.js'
import type { WriteOptions } from '../CallOptions.js'
import { invalidArgument } from '../errors.js'
import { type Metadata, nameOfService, type Scope, type ServiceKey } from '../PortAllocation.js'
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

/** This many rows take a few seconds. Many more would take longer than a statement may. */
const MAX_ROWS = 10_000

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
  const first = firstOfEach(holdings)
  const isWanted = holdings.map((_, index) => first[index] === index)
  const collides = holdings.some((holding, index) =>
    collisionWith(holdings[first[index]!]!, holding),
  )
  const asked = holdings.filter((_, index) => isWanted[index])
  const dryRun = mode.dryRun || (collides && !mode.skipConflicts)
  const outcomes = [...(await store.importPorts(asked, { ...mode, dryRun }, call))]
  const rows = holdings.map((holding, index) => {
    const { projectName, serviceName, instance, hostname, protocol, portNumber } = holding
    const service = { projectName, serviceName, instance, hostname, protocol }
    const outcome = isWanted[index]
      ? outcomes.shift()!
      : repeatedRow(holdings[first[index]!]!, holding, first[index]! + 1)
    return { ...service, portNumber, ...outcome }
  })
  const count = (outcome: ImportOutcome['outcome']) =>
    rows.filter((row) => row.outcome === outcome).length
  const [claimed, held, conflicts] = [count('claimed'), count('held'), count('conflict')]
  const isForbidden = conflicts > 0 && !mode.skipConflicts
  const changed = rows.some((row) => row.changes) && !mode.dryRun && !isForbidden
  return { rows, claimed, held, conflicts, changed }
}

/** For each row the index of the first that has the same number in the same scope. */
function firstOfEach(holdings: readonly Holding[]): number[] {
  const places = holdings.map((it) => `${it.hostname}/${it.protocol}/${it.portNumber}`)
  const firsts = new Map<string, number>()
  return places.map((place, index) => {
    const known = firsts.get(place)
    if (known === undefined) firsts.set(place, index)
    return known ?? index
  })
}

function collisionWith(first: Holding, other: Holding): boolean {
  return nameOfService(first) !== nameOfService(other)
}

/**
 * The outcome of a row that repeats an earlier one, or that gives its number to another service.
 */
function repeatedRow(first: Holding, other: Holding, row: number): ImportOutcome {
  const nothing = { changes: false, createsRange: false, addsMetadata: false }
  if (!collisionWith(first, other)) return { outcome: 'held', ...nothing }
  const { portNumber } = first
  return {
    outcome: 'conflict',
    ...nothing,
    conflict: {
      code: 'PORT_TAKEN',
      message: `Row ${row} gives this port to ${nameOfService(first)}. Remove one of the two rows.`,
      details: { portNumber, row },
    },
  }
}
