import { readFileSync } from 'node:fs'
import { pgbench } from './pgbench.mjs'

const SQL = new URL('sql/', import.meta.url)

/** Makes the table that ours is compared with, beside ours. */
export async function makeBaseline(pool) {
  await pool.query(readFileSync(new URL('baseline.sql', SQL), 'utf8'))
}

/**
 * Every turn of either side starts so: nothing dead, all of it on disk; and the baseline's table,
 * which only grows, empty.
 */
export async function settle(pool) {
  await pool.query('truncate baseline.allocations, baseline.whole_indexes')
  await pool.query('vacuum analyze')
  await pool.query('checkpoint')
}

/**
 * How often a script of sql/ (or of that URL) runs in a second in a registry that was put in order.
 * @param {string} program pgbench
 */
export async function settledRate(program, { pool, url }, script, options) {
  await settle(pool)
  return pgbench(program, new URL(script, SQL), { url, ...options })
}
