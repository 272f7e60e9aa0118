import {
  type ErrorDetails,
  type ImportOutcome,
  portTaken,
  type RegistryContent,
  type Taken,
  type TransferStore,
} from '@ports/core'
import type { Database } from '../Database.js'
import { statement } from '../runStatement.js'
import { defaultRanges } from '../seed.js'
import { overlapIn } from '../sqlState.js'

const IMPORT = statement(`
  select outcome, creates_range as "createsRange", conflict
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

interface ImportRow {
  readonly outcome: ImportOutcome['outcome']
  readonly createsRange: boolean
  /** The detail of the claim's error, ZP003 or ZP005. */
  readonly conflict: Taken | ErrorDetails | null
}

function toOutcome({ outcome, createsRange, conflict }: ImportRow): ImportOutcome {
  if (conflict === null) return { outcome, createsRange }
  const { code, message, details } =
    'portNumber' in conflict ? portTaken(conflict as Taken) : overlapIn(conflict)
  return { outcome, createsRange, conflict: { code, message, details } }
}
