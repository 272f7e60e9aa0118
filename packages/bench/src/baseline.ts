import { readFileSync } from 'node:fs'
import type pg from 'pg'
import type { Registry } from './Databases.js'
import { pgbench } from './pgbench.js'
import type { Context } from './Section.js'

const SQL = new URL('../sql/', import.meta.url)

/** Creates the tables that the registry's are compared with, in the same database. */
export async function createBaseline(pool: pg.Pool) {
  await pool.query(readFileSync(new URL('baseline.sql', SQL), 'utf8'))
}

/**
 * Creates a slot for each number of a range, as some use would. A range that was never used has slots
 * only for its first numbers.
 */
export async function createSlots(pool: pg.Pool, projectName: string) {
  await pool.query(
    `select ports.allocate_port(project_name, 'all')
     from ports.port_ranges
     cross join generate_series(start_port, end_port)
     where project_name = $1`,
    [projectName],
  )
  await pool.query('select ports.release_port($1, $2)', [projectName, 'all'])
}

/** Both sides start each turn from the same state: no dead rows, and everything on disk. */
export async function settle(pool: pg.Pool) {
  await pool.query(readFileSync(new URL('settle.sql', SQL), 'utf8'))
  await pool.query(
    `vacuum analyze ports.port_allocations, ports.port_ranges, ports.port_events,
       baseline.allocations, baseline.whole_indexes, baseline.events`,
  )
  await pool.query('checkpoint')
}

export interface Load {
  readonly clients: number
  readonly seconds?: number
  /** The projects 1 to this number are used. */
  readonly ranges?: number
}

/** Settles a registry, and measures how often a script runs in a second. */
export async function settledRate(
  { signal, ...context }: Context,
  { pool, url }: Registry,
  /** The name of a file in sql/, or a file URL. */
  script: string,
  { clients, seconds = context.seconds, ranges = 1 }: Load,
) {
  await settle(pool)
  return pgbench(sqlFile(script), { url, clients, seconds, variables: { ranges }, signal })
}

export function sqlFile(name: string) {
  return new URL(name, SQL)
}
