import { readFileSync } from 'node:fs'
import { pgbench } from './pgbench.mjs'

const SQL = new URL('sql/', import.meta.url)

/** Creates the tables that the registry's are compared with, in the same database. */
export async function makeBaseline(pool) {
  await pool.query(readFileSync(new URL('baseline.sql', SQL), 'utf8'))
}

/**
 * Offers all numbers of a range, as they are after some use: a range that was never used has rows
 * for its first numbers only.
 */
export async function offerAll(pool, projectName) {
  await pool.query(
    `select ports.allocate_port(project_name, 'all')
     from ports.port_ranges
     cross join generate_series(start_port, end_port)
     where project_name = $1`,
    [projectName],
  )
  await pool.query('select ports.release_port($1, $2)', [projectName, 'all'])
}

/** Both sides start each turn from the same state: nothing dead, all of it on disk. */
export async function settle(pool) {
  await pool.query(readFileSync(new URL('settle.sql', SQL), 'utf8'))
  await pool.query(
    `vacuum analyze ports.port_allocations, ports.port_ranges, ports.port_events,
       baseline.allocations, baseline.whole_indexes, baseline.events`,
  )
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
