import { PortsError, rangeExhausted, type Surrounded } from '@ports/core'
import type { Database } from '../Database.js'
import { statement } from '../runStatement.js'
import { exhaustedIn } from '../sqlState.js'
import { present } from './present.js'
import { type RangeRow, toRange } from './ranges.js'

/** The next range on one side, of those that have a host in common with `range`. */
const next = (condition: string, order: string) => `
    select json_build_object(
      'projectName', project_name, 'startPort', start_port, 'endPort', end_port,
      'hostname', hostname, 'description', description
    )
    from ports.ranges as other
    where ${condition}
      and (range.hostname is null or other.hostname is null or other.hostname = range.hostname)
    order by ${order}
    limit 1`

/**
 * The last two ranges of the project on a host, each with the range below it and the one above it.
 * More would cost too much: finding each neighbour goes through all ranges.
 */
const SURROUNDED = statement(`
  select
    start_port as "startPort",
    end_port as "endPort",
    hostname,
    (${next('other.end_port < range.start_port', 'end_port desc')}
    ) as below,
    (${next('other.start_port > range.end_port', 'start_port')}
    ) as above
  from ports.ranges as range
  where project_name = $1
    and (hostname is null or hostname = $2)
  order by start_port desc
  limit 2`)

type SurroundedRow = Pick<RangeRow, 'startPort' | 'endPort' | 'hostname'> & {
  readonly below: RangeRow | null
  readonly above: RangeRow | null
}

/**
 * Settles as the call does. A `RANGE_EXHAUSTED` then also has how far a range can be widened, if
 * its neighbours can be read.
 */
export function explainExhausted<Answer>(database: Database, call: Promise<Answer>) {
  return call.catch(async (error): Promise<never> => {
    if (!(error instanceof PortsError) || error.code !== 'RANGE_EXHAUSTED') throw error
    throw await withNeighbours(database, error)
  })
}

async function withNeighbours(database: Database, full: PortsError): Promise<PortsError> {
  const exhausted = exhaustedIn(full.details)
  const { projectName, ranges, hostname } = exhausted
  if (ranges.length === 0) return full
  try {
    const values = [projectName, hostname]
    const rows = await database.rows<SurroundedRow>(SURROUNDED, values, { write: false }, {})
    return rangeExhausted(exhausted, rows.reverse().map(toSurrounded), full.cause)
  } catch {
    return full
  }
}

function toSurrounded({ below, above, ...range }: SurroundedRow): Surrounded {
  return {
    range: present<Surrounded['range']>(range),
    neighbours: {
      ...(below && { below: toRange(below) }),
      ...(above && { above: toRange(above) }),
    },
  }
}
