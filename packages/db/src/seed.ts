import { readFileSync } from 'node:fs'
import { type PortRange, PortsError } from '@ports/core'
import type { ClientBase } from 'pg'
import { translate } from './sqlState.js'

const RANGES = new URL('../prisma/seed/ranges.json', import.meta.url)

/** The outcome for the default ranges of the projects that had none. */
export interface Seeded {
  readonly created: readonly PortRange[]
  readonly skipped: readonly SkippedRange[]
}

/** A default range that was left out, and the range that owns numbers of it. */
export interface SkippedRange {
  readonly range: PortRange
  readonly overlaps: PortRange
}

/** The ranges that a new registry has. */
export function defaultRanges(): PortRange[] {
  return JSON.parse(readFileSync(RANGES, 'utf8'))
}

/**
 * Runs in the client's transaction, which continues if a range does not fit.
 * @param actor who asks, for the history
 */
export async function insertSeed(client: ClientBase, actor: string): Promise<Seeded> {
  const created: PortRange[] = []
  const skipped: SkippedRange[] = []
  for (const range of defaultRanges()) {
    await client.query('savepoint before_range')
    try {
      if (await insertRange(client, range, actor)) created.push(range)
    } catch (error) {
      if (!(error instanceof PortsError) || error.code !== 'RANGE_OVERLAP') throw error
      await client.query('rollback to savepoint before_range')
      skipped.push({ range, overlaps: error.details.range as PortRange })
    }
    await client.query('release savepoint before_range')
  }
  return { created, skipped }
}

/** False if the project has a range already. */
async function insertRange(client: ClientBase, range: PortRange, actor: string): Promise<boolean> {
  const { projectName, startPort, endPort, description } = range
  try {
    const { rowCount } = await client.query(
      `select from ports.create_range($1, $2, $3, $4, $5)
       where not exists (select from ports.ranges where project_name = $1)`,
      [projectName, startPort, endPort, description, actor],
    )
    return rowCount === 1
  } catch (error) {
    throw translate(error, { write: true })
  }
}
