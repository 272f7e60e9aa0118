import type { Pool, PoolClient } from 'pg'

/** After this time a waiting call asks the server who holds the locks that it needs. */
const ASK_AFTER_MS = 1_000
/** The most connections by which waiting calls may widen the pool. */
const MAX_EXTRA_CONNECTIONS = 40

/** A session that a call waited for. Null where pg_stat_activity shows nothing to this role. */
export interface LockHolder {
  readonly pid: number
  readonly role: string | null
  readonly application: string | null
  readonly address: string | null
  readonly state: string | null
  readonly transactionSeconds: number | null
}

// Sessions that wait themselves are left out, because they are only in the same queue. Behind a
// pooler, the process id is the pooler's, so this finds nobody.
const HOLDERS = `
  with recursive blocking (pid) as (
    select pg_catalog.unnest(pg_catalog.pg_blocking_pids($1))
    union
    select pg_catalog.unnest(pg_catalog.pg_blocking_pids(pid))
    from blocking
  )
  select
    pid,
    usename::text as role,
    nullif(application_name::text, '') as application,
    pg_catalog.host(client_addr) as address,
    state::text as state,
    pg_catalog.floor(extract(epoch from pg_catalog.clock_timestamp() - xact_start))::integer as "transactionSeconds"
  from pg_catalog.pg_stat_activity
  where pid in (select pid from blocking)
    and pg_catalog.cardinality(pg_catalog.pg_blocking_pids(pid)) = 0
  order by pid
  limit 5`

const extraConnections = new WeakMap<Pool, number>()

/**
 * Watches a statement that runs on `client`. After `ASK_AFTER_MS` it widens the pool by one
 * connection, so that calls that need other locks still get one, and asks which sessions the
 * statement waits for.
 */
export class LockWatch {
  holders: readonly LockHolder[] = []
  readonly #pool: Pool
  readonly #timer: NodeJS.Timeout
  #widened = false

  constructor(pool: Pool, client: PoolClient) {
    this.#pool = pool
    const { processID } = client as PoolClient & { processID?: number }
    this.#timer = setTimeout(() => this.#ask(processID), ASK_AFTER_MS)
    this.#timer.unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
    if (this.#widened) this.#widen(-1)
    this.#widened = false
  }

  async #ask(processID: number | undefined): Promise<void> {
    if ((extraConnections.get(this.#pool) ?? 0) < MAX_EXTRA_CONNECTIONS) {
      this.#widened = true
      this.#widen(1)
    }
    try {
      const { rows } = await this.#pool.query<LockHolder>(HOLDERS, [processID])
      this.holders = rows
    } catch {
      // The call's error is complete without the holders.
    }
  }

  #widen(by: number): void {
    extraConnections.set(this.#pool, (extraConnections.get(this.#pool) ?? 0) + by)
    this.#pool.options.max += by
  }
}

export function describeHolder(holder: LockHolder): string {
  const { pid, role, application, address, state, transactionSeconds } = holder
  const who = [
    role && `role ${role}`,
    application,
    address && `from ${address}`,
    state,
    transactionSeconds !== null && `its transaction began ${transactionSeconds} s ago`,
  ].filter((part) => part)
  return who.length > 0 ? `process ${pid} (${who.join(', ')})` : `process ${pid}`
}
