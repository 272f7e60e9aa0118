import { readFileSync } from 'node:fs'
import { comparePairs } from '../pairs.mjs'
import { findPgbench, pgbench } from '../pgbench.mjs'

export const title = 'In SQL'

const SQL = new URL('../sql/', import.meta.url)
const SPREAD = 100

/** @param {import('../run.mjs').Context} context */
export async function measure(context) {
  const program = findPgbench()
  const { pairs, seconds, signal } = context
  const registry = await context.newRegistry()
  const { pool, ports, url } = registry
  await pool.query(readFileSync(new URL('baseline.sql', SQL), 'utf8'))
  for (let project = 1; project <= SPREAD; project++) {
    await ports.createRange({ projectName: `${project}`, size: project === 1 ? 1000 : 200 })
  }

  const rows = []
  const run = async (script, clients, ranges) => {
    return pgbench(program, new URL(script, SQL), {
      ...{ url, clients, seconds, signal },
      variables: { ranges },
    })
  }
  const comparison = async ({ name, clients, ranges, ...goal }) => {
    context.progress(`  ${name}`)
    rows.push(
      await comparePairs({
        name,
        pairs,
        ours: async () => {
          await settle(pool)
          return run('pair.sql', clients, ranges)
        },
        baseline: async () => {
          await settle(pool)
          return run('baseline-pair.sql', clients, ranges)
        },
        ...goal,
      }),
    )
  }
  const pair = 'allocate + release, one range'
  await comparison({ name: `${pair}, 1 client`, clients: 1, ranges: 1, reach: 0.85, never: 0.75 })
  await comparison({ name: `${pair}, 8 clients`, clients: 8, ranges: 1, reach: 0.9, never: 0.6 })
  await registry.close()
  return { rows }
}

/** Both sides start from the same state: nothing dead, all of it on disk. */
async function settle(pool) {
  await pool.query('truncate baseline.allocations, baseline.whole_indexes')
  await pool.query('vacuum analyze')
  await pool.query('checkpoint')
}
