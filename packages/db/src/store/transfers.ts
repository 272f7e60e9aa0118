import {
  type ErrorDetails,
  type ImportOutcome,
  type PortsError,
  portReserved,
  portTaken,
  type RegistryContent,
  type Reserved,
  rangeOverlap,
  type Taken,
  type TransferStore,
} from '@ports/core'
import type { Database } from '../Database.js'
import { statement } from '../runStatement.js'
import { defaultRanges } from '../seed.js'
import { overlapIn } from '../sqlState.js'

const IMPORT = statement(`
  select outcome, changes, creates_range as "createsRange", adds_metadata as "addsMetadata",
    instead_of as "insteadOf", conflict
  from ports.import_ports($1, $2, $3, $4)
  order by turn`)

const DUMP = statement('select ports.dump_registry() as content')

const LOAD = statement('select from ports.load_registry($1, $2, $3)')

const WRITE = { write: true, resolveBy: 'To find out, list the ports.' } as const

export function transferStore(database: Database): TransferStore {
  return {
    async importPorts(holdings, { dryRun, skipConflicts }, call = {}) {
      const values = [JSON.stringify(holdings), skipConflicts, dryRun, call.actor]
      const rows = await database.rows<ImportRow>(IMPORT, values, WRITE, call)
      return rows.map(toOutcome)
    },

    async dump(call = {}) {
      const [row] = await database.rows<{ content: RegistryContent }>(
        DUMP,
        [],
        { write: false },
        call,
      )
      return row!.content
    },

    async load(document, call = {}) {
      const values = [JSON.stringify(document), JSON.stringify(defaultRanges()), call.actor]
      await database.rows(LOAD, values, WRITE, call)
    },
  }
}

type Conflict = Taken | Reserved | ErrorDetails

interface ImportRow {
  readonly outcome: ImportOutcome['outcome']
  readonly changes: boolean
  readonly createsRange: boolean
  readonly addsMetadata: boolean
  readonly insteadOf: number | null
  /** The detail of the claim's error: ZP003, ZP005 or ZP011. */
  readonly conflict: Conflict | null
}

function toOutcome({ conflict, insteadOf, ...row }: ImportRow): ImportOutcome {
  const outcome = { ...row, ...(insteadOf !== null && { insteadOf }) }
  if (conflict === null) return outcome
  const { code, message, details } = errorOf(conflict)
  return { ...outcome, conflict: { code, message, details } }
}

function errorOf(conflict: Conflict): PortsError {
  if ('reason' in conflict) return portReserved(conflict as Reserved)
  if ('portNumber' in conflict) return portTaken(conflict as Taken)
  const { wanted, range } = overlapIn(conflict)
  return rangeOverlap(wanted, range)
}
