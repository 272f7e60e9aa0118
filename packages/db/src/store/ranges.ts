import {
  BLOCK_SEARCH,
  noFreeBlock,
  type PortRange,
  type RangeStore,
  type RangeUsage,
  rangeExhausted,
} from '@ports/core'
import type { Database } from '../Database.js'
import { statement } from '../runStatement.js'
import { multirange } from './multirange.js'
import { present, type Stored } from './present.js'

const COLUMNS =
  'project_name as "projectName", start_port as "startPort", end_port as "endPort", hostname, ' +
  'description'

const LIST = statement(`
  select ${COLUMNS}
  from ports.ranges
  order by start_port, hostname nulls first`)

const CREATE = statement(`
  select ${COLUMNS}
  from ports.create_range($1, $2, $3, $4, $5, $6)`)

const ADD = statement(`
  select ${COLUMNS}
  from ports.add_range($1, $2, $3, $4, $5, $6)`)

const CREATE_NEXT = statement(`
  select ${COLUMNS}
  from ports.create_next_range(
    p_project_name => $1, p_size => $2, p_lowest => $3, p_highest => $4, p_description => $5,
    p_actor => $6, p_hostname => $7
  )
  where project_name is not null`)

const ENSURE = statement(`
  select
    (range).project_name as "projectName",
    (range).start_port as "startPort",
    (range).end_port as "endPort",
    (range).hostname,
    (range).description,
    created
  from ports.ensure_range($1, $2, $3, $4, $5, $6, $7)`)

const RESIZE = statement(`
  select ${COLUMNS}
  from ports.resize_range($1, $2, $3, $4, $5, $6)`)

const REMOVE = statement(`
  select ${COLUMNS}
  from ports.remove_range($1, $2, $3, $4)`)

const DELETE = statement('select from ports.delete_range($1, $2)')

const DELETE_MANY = statement(`
  select
  from pg_catalog.unnest($1::pg_catalog.text[]) with ordinality as named (project_name, turn),
    ports.delete_range(project_name, $2)
  order by turn`)

const SUMMARIZE = statement(`
  select
    start_port as "startPort",
    end_port as "endPort",
    hostname is null or hostname = $2 as "isSeen",
    hostname,
    ports.count_available($1, $2, $3) as "availablePorts",
    counted.reserved as "reservedPorts",
    counted.resting as "restingPorts",
    counted.unusable as "unusablePorts",
    counted.withheld as "withheldPorts",
    coalesce(
      (
        select pg_catalog.date_part('epoch', rest)
        from ports.rests
        where project_name = $1
      ),
      0
    )::integer as "restSeconds"
  from ports.refuse_unknown_project($1) as known
  cross join ports.count_withheld($1, $2, $3, $4) as counted
  left join ports.ranges on project_name = $1
  order by start_port`)

const SET_REST = statement('select ports.set_rest($1, $2, $3) as answer')

const NOTHING_AVAILABLE = {
  ranges: [],
  reserved: 0,
  resting: 0,
  firstFreeAt: null,
  restSeconds: 0,
  avoided: 0,
} as const

const WRITE = { write: true, resolveBy: 'To find out, list the ranges.' } as const

export function rangeStore(database: Database): RangeStore {
  return {
    async summarize(projectName, { hostname, protocol }, avoid, call = {}): Promise<RangeUsage> {
      const values = [projectName, hostname, protocol, multirange(avoid)]
      const subject = { write: false, projectName }
      const rows = await database.rows<SummaryRow>(SUMMARIZE, values, subject, call)
      const seen = rows.filter(({ isSeen }) => isSeen)
      const [first] = seen
      if (!first) {
        const elsewhere = [...new Set(rows.flatMap((row) => row.hostname ?? []))].sort()
        throw rangeExhausted({ projectName, ...NOTHING_AVAILABLE, elsewhere, hostname, protocol })
      }
      return {
        ranges: seen.map(({ startPort, endPort }) => ({ startPort, endPort })),
        availablePorts: first.availablePorts,
        reservedPorts: first.reservedPorts,
        restingPorts: first.restingPorts,
        unusablePorts: first.unusablePorts,
        allocatableNow: first.availablePorts - first.withheldPorts,
        restSeconds: first.restSeconds,
      }
    },

    async setRest(projectName, seconds, call = {}) {
      const values = [projectName, seconds, call.actor]
      const subject = { write: true, projectName, resolveBy: 'Set it again: that does no harm.' }
      return database.answer<number>(SET_REST, values, subject, call)
    },

    async listRanges(call = {}) {
      return (await database.rows<RangeRow>(LIST, [], { write: false }, call)).map(toRange)
    },

    async createRange(range, call = {}) {
      const { projectName, startPort, endPort, hostname, description } = range
      const values = [projectName, startPort, endPort, description, call.actor, hostname]
      const [row] = await database.rows<RangeRow>(CREATE, values, WRITE, call)
      return toRange(row!)
    },

    async addRange(range, call = {}) {
      const { projectName, startPort, endPort, hostname, description } = range
      const values = [projectName, startPort, endPort, hostname, description, call.actor]
      const [row] = await database.rows<RangeRow>(ADD, values, WRITE, call)
      return toRange(row!)
    },

    async createNextRange({ projectName, size, hostname, description }, call = {}) {
      const { startPort, endPort } = BLOCK_SEARCH
      const values = [projectName, size, startPort, endPort, description, call.actor, hostname]
      const [row] = await database.rows<RangeRow>(CREATE_NEXT, values, WRITE, call)
      if (!row) throw noFreeBlock(size, BLOCK_SEARCH)
      return toRange(row)
    },

    async ensureRange({ projectName, size, avoid, description }, call = {}) {
      const { startPort, endPort } = BLOCK_SEARCH
      const values = [projectName, size, startPort, endPort, avoid, description, call.actor]
      const [row] = await database.rows<RangeRow & { created: boolean }>(
        ENSURE,
        values,
        WRITE,
        call,
      )
      if (!row) throw noFreeBlock(size, BLOCK_SEARCH)
      return { range: toRange(row), created: row.created }
    },

    async resizeRange(projectName, bounds, { from, hostname } = {}, call = {}) {
      const values = [projectName, bounds.startPort, bounds.endPort, call.actor, from, hostname]
      const subject = { ...WRITE, rangeChange: { bounds } }
      const [row] = await database.rows<RangeRow>(RESIZE, values, subject, call)
      return toRange(row!)
    },

    async removeRange(projectName, { from, hostname }, call = {}) {
      const values = [projectName, from, hostname, call.actor]
      const subject = { ...WRITE, rangeChange: {} }
      const [row] = await database.rows<RangeRow>(REMOVE, values, subject, call)
      return toRange(row!)
    },

    async deleteRange(projectName, call = {}) {
      await database.rows(DELETE, [projectName, call.actor], WRITE, call)
    },

    async deleteRanges(projectNames, call = {}) {
      await database.rows(DELETE_MANY, [projectNames, call.actor], WRITE, call)
    },
  }
}

export type RangeRow = Stored<PortRange>

type SummaryRow = Pick<RangeRow, 'startPort' | 'endPort' | 'hostname'> & {
  readonly isSeen: boolean
  readonly availablePorts: number
  readonly reservedPorts: number
  readonly restingPorts: number
  readonly unusablePorts: number
  readonly withheldPorts: number
  readonly restSeconds: number
}

export function toRange(row: RangeRow): PortRange {
  const { projectName, startPort, endPort, hostname, description } = row
  return present<PortRange>({ projectName, startPort, endPort, hostname, description })
}
