import { PortsError, rangeExhausted } from '@ports/core'
import type { Database } from '../Database.js'
import { statement } from '../runStatement.js'
import { exhaustedIn } from '../sqlState.js'
import { type RangeRow, toRange } from './ranges.js'

/** The range below a range and the one above it. */
const NEIGHBOURS = statement(`
  (
    select
      project_name as "projectName",
      start_port as "startPort",
      end_port as "endPort",
      hostname,
      description
    from ports.ranges
    where end_port < $1
    order by end_port desc
    limit 1
  )
  union all
  (
    select project_name, start_port, end_port, hostname, description
    from ports.ranges
    where start_port > $2
    order by start_port
    limit 1
  )`)

/**
 * Settles as the call does. A `RANGE_EXHAUSTED` then names the neighbouring ranges, if they can be
 * read.
 */
export function explainExhausted<Answer>(database: Database, call: Promise<Answer>) {
  return call.catch(async (error): Promise<never> => {
    if (!(error instanceof PortsError) || error.code !== 'RANGE_EXHAUSTED') throw error
    throw await withNeighbours(database, error)
  })
}

async function withNeighbours(database: Database, full: PortsError): Promise<PortsError> {
  const exhausted = exhaustedIn(full.details)
  const range = exhausted.ranges.at(-1)
  if (!range) return full
  try {
    const values = [range.startPort, range.endPort]
    const rows = await database.rows<RangeRow>(NEIGHBOURS, values, { write: false }, {})
    const below = rows.find(({ endPort }) => endPort < range.startPort)
    const above = rows.find(({ startPort }) => startPort > range.endPort)
    const neighbours = {
      ...(below && { below: toRange(below) }),
      ...(above && { above: toRange(above) }),
    }
    return rangeExhausted(exhausted, neighbours, full.cause)
  } catch {
    return full
  }
}
