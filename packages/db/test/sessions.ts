import { sql } from '@ports/testkit/vitest'
import pg from 'pg'
import { expect, onTestFinished, vi } from 'vitest'

export const ISOLATION_LEVELS = ['read committed', 'repeatable read', 'serializable'] as const
export type IsolationLevel = (typeof ISOLATION_LEVELS)[number]

/** A connection as psql has one, closed when the test ends. */
export class Session {
  readonly #client: pg.Client
  readonly #url: string
  readonly pid: number

  private constructor(client: pg.Client, url: string, pid: number) {
    this.#client = client
    this.#url = url
    this.pid = pid
  }

  static async open(url: string): Promise<Session> {
    const client = new pg.Client({ connectionString: url })
    // A test may terminate the connection. The running query fails then as well.
    client.on('error', () => {})
    await client.connect()
    onTestFinished(() => client.end())
    const { rows } = await client.query('select pg_backend_pid() as pid')
    return new Session(client, url, rows[0].pid)
  }

  query<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<Row[]> {
    return underWay(this.#client.query<Row>(text, values).then((result) => result.rows))
  }

  /** The first column of the first row. */
  value<Value>(text: string, values: unknown[] = []): Promise<Value> {
    const rows = this.query<Record<string, Value>>(text, values)
    return underWay(rows.then(([row]) => Object.values(row!)[0]!))
  }

  /** Begins a transaction. At levels with one snapshot per transaction, takes the snapshot. */
  async begin(level: IsolationLevel = 'read committed'): Promise<void> {
    await this.query(`begin isolation level ${level}`)
    await this.query('select from ports.port_ranges limit 1')
  }

  async commit(): Promise<void> {
    await this.query('commit')
  }

  async rollback(): Promise<void> {
    await this.query('rollback')
  }

  /** Waits until its query waits for a lock, or polls for the end of one. */
  async waiting(): Promise<void> {
    await untilWaiting(this.#url, 'pid = $1', this.pid)
  }
}

/** A promise that may reject before the test awaits it. */
export function underWay<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => {})
  return promise
}

/** Waits until one query of that database waits, and returns the pid of its backend. */
export async function untilWaiting(url: string, which: string, value: unknown): Promise<number> {
  return vi.waitUntil(
    async () => {
      const [found] = await sql<{ pid: number }>(
        url,
        `select pid
         from pg_stat_activity
         where datname = current_database()
           and state = 'active'
           and (wait_event_type = 'Lock' or wait_event = 'PgSleep')
           and ${which}`,
        [value],
      )
      return found?.pid
    },
    { interval: 10, timeout: 20_000 },
  )
}

/** How a statement or transaction ended: `done`, or its SQLSTATE. */
export async function ending(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'done'
  } catch (error) {
    const { code } = error as { code?: unknown }
    if (typeof code !== 'string') throw error
    return code
  }
}

/**
 * Checks the invariants of the registry: a number has at most one live row in a scope, no row is
 * outside its project's ranges, no number is both held and free, each live row has one event, and
 * every number below a scope's cursor has a row, because otherwise it would never be offered.
 */
export async function expectSound(url: string): Promise<void> {
  const faults = await sql(
    url,
    `select 'held twice' as fault, max(project_name) as project, hostname, protocol, port_number
     from ports.port_allocations
     where status <> 'released'
     group by hostname, protocol, port_number
     having count(*) > 1
     union all
     select 'held and free', project_name, hostname, protocol, port_number
     from ports.port_allocations
     group by project_name, hostname, protocol, port_number
     having count(*) > 1
     union all
     select 'outside its ranges', project_name, hostname, protocol, port_number
     from ports.port_allocations as allocation
     where not exists (
       select
       from ports.port_ranges as range
       where range.project_name = allocation.project_name
         and coalesce(range.hostname = allocation.hostname, true)
         and port_number between start_port and end_port
     )
     union all
     select 'not told of once', project_name, hostname, protocol, port_number
     from ports.port_allocations as allocation
     where status <> 'released'
       and 1 <> (
         select count(*)
         from ports.port_events
         where allocation_id = allocation.id
           and what = 'allocated'
       )
     union all
     select 'never offered', cursor.project_name, cursor.hostname, cursor.protocol, number
     from ports.port_cursors as cursor
     join ports.port_ranges as range
       on range.project_name = cursor.project_name
       and coalesce(range.hostname = cursor.hostname, true)
     cross join generate_series(start_port, least(end_port, next_port - 1)) as number
     left join ports.port_allocations as allocation
       on allocation.project_name = cursor.project_name
       and allocation.hostname = cursor.hostname
       and allocation.protocol = cursor.protocol
       and allocation.port_number = number
     where allocation.id is null`,
  )
  expect(faults).toEqual([])
}

export function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, offset) => first + offset)
}

export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b)
}
