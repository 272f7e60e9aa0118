import { createBaseline, settledRate } from './baseline.js'
import type { Comparison } from './comparison.js'
import type { Registry } from './Databases.js'
import { clientsOf } from './report.js'
import type { Context } from './Section.js'

/** Compares allocate + release on two registries, with one client and with many. */
export async function compareRegistries(
  context: Context,
  name: string,
  ours: Registry,
  other: Registry,
  shortfall?: string,
) {
  for (const { pool } of [ours, other]) await createBaseline(pool)
  const rows: Comparison[] = []
  for (const clients of [1, 32]) {
    rows.push(
      await context.compare({
        name: `${name}, ${clientsOf(clients)}`,
        ours: () => settledRate(context, ours, 'pair.sql', { clients }),
        baseline: () => settledRate(context, other, 'pair.sql', { clients }),
        target: 0.9,
        ...(shortfall && { shortfall }),
      }),
    )
  }
  return rows
}
