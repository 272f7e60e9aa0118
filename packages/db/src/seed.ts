import { readFileSync } from 'node:fs'
import type { PortRange } from '@ports/core'
import type { ClientBase } from 'pg'
import { translate } from './sqlState.js'

const RANGES = new URL('../prisma/seed/ranges.json', import.meta.url)

/** Inserts the default ranges of projects that have none, and returns those. */
export async function insertSeed(client: ClientBase): Promise<PortRange[]> {
  const ranges = JSON.parse(readFileSync(RANGES, 'utf8')) as PortRange[]
  const created: PortRange[] = []
  for (const range of ranges) {
    const { projectName, startPort, endPort, description } = range
    const inserted = await client
      .query(
        `insert into ports.port_ranges (project_name, start_port, end_port, description)
         select $1::text, $2, $3, $4
         where not exists (select from ports.port_ranges where project_name = $1)`,
        [projectName, startPort, endPort, description],
      )
      .catch((error) => {
        throw translate(error, { write: true, range })
      })
    if (inserted.rowCount === 1) created.push(range)
  }
  return created
}
