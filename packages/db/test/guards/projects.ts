import { emptyDatabase, sql } from '@ports/testkit/vitest'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import { ending, expectSound, type IsolationLevel, Session } from '../sessions.js'

// The invariants must hold for any client, so everything here is sent as psql would send it.

// Each test file that imports this runs the hooks below, and so has a database of its own.
export let url: string
let client: pg.Client

beforeAll(async () => {
  url = await emptyDatabase()
  // The machine does not crash, and there are thousands of transactions.
  await sql(
    url,
    `do $$ begin
       execute format('alter database %I set synchronous_commit = off', current_database());
     end $$`,
  )
  client = new pg.Client({ connectionString: url })
  await client.connect()
})

afterAll(() => client.end())

beforeEach(async () => {
  // As a replica, no trigger fires. This is several times faster than to truncate.
  await sql(
    url,
    `set session_replication_role = replica;
     delete from ports.port_allocations;
     delete from ports.port_cursors;
     delete from ports.port_reservations;
     delete from ports.port_ranges;
     delete from ports.projects;
     delete from ports.port_events`,
  )
  projects = 0
})

afterEach(() => expectSound(url))

export async function query(text: string, values: unknown[] = []) {
  return (await client.query(text, values)).rows
}

/** Runs one statement in a transaction of its own. */
export async function at(level: IsolationLevel, text: string, values: unknown[] = []) {
  const session = await Session.open(url)
  await session.begin(level)
  const rows = await session.query(text, values)
  await session.commit()
  return rows
}

export interface Project {
  readonly name: string
  readonly start: number
  readonly end: number
}

let projects = 0

/** A project for the test, with room on both sides of its range. */
export async function newProject(size = 10): Promise<Project> {
  const start = 3000 + projects * 500
  projects += 1
  const project = { name: `project-${projects}`, start, end: start + size - 1 }
  await createRange(project)
  return project
}

function createRange({ name, start, end }: Project) {
  return query(CREATE_RANGE, [name, start, end])
}

export const CREATE_RANGE = 'select ports.create_range($1, $2, $3)'

export const RESIZE = 'select ports.resize_range($1, $2, $3)'

export const DELETE_RANGE = 'select ports.delete_range($1)'

export const STORE_LIVE = `
  insert into ports.port_allocations
    (project_name, service_name, hostname, protocol, port_number, status, ordinal)
  values ($1, 'stored', $3, $4, $2, 'allocated', 1)`

export const STORE_FREE = `
  insert into ports.port_allocations (project_name, hostname, protocol, port_number)
  values ($1, $3, $4, $2)`

export const HERE = ['localhost', 'tcp']

export const ALLOCATE = 'select ports.allocate_port($1, $2)'

export async function allocate(project: Project, service = 'web', scope = HERE): Promise<number> {
  const [row] = await query('select ports.allocate_port($1, $2, $3, $4) as port', [
    project.name,
    service,
    ...scope,
  ])
  return row!.port
}

/** Allocates until the range is exhausted: the numbers, in the order in which they came. */
export async function drain(project: Project, scope = HERE): Promise<number[]> {
  const session = await Session.open(url)
  const drained: number[] = []
  for (;;) {
    const allocated = session.value<number>('select ports.allocate_port($1, $2, $3, $4)', [
      project.name,
      'drain',
      ...scope,
    ])
    const outcome = await ending(allocated)
    if (outcome !== 'done') {
      expect(outcome).toBe('ZP002')
      return drained
    }
    drained.push(await allocated)
  }
}

/** An allocation then only has to take a slot. */
export async function offerNumbers(project: Project): Promise<void> {
  await allocate(project)
  await query('select ports.release_port($1, $2)', [project.name, 'web'])
}

export async function livePorts(project: Project): Promise<number[]> {
  const rows = await query(
    `select port_number
     from ports.port_allocations
     where project_name = $1
       and status <> 'released'
     order by port_number`,
    [project.name],
  )
  return rows.map((row) => row.port_number)
}

export async function bounds(project: Project) {
  const rows = await query(
    'select start_port, end_port from ports.port_ranges where project_name = $1',
    [project.name],
  )
  return rows.map((row) => [row.start_port, row.end_port])
}
