import { sql } from '@ports/testkit/vitest'
import { expect } from 'vitest'

const ASLEEP = `
  select pid from pg_stat_activity
  where datname = current_database() and wait_event = 'PgSleep'`

/** Lets readers go on and makes writers wait, until the returned function is called. */
export async function lockAllocations(url: string): Promise<() => Promise<void>> {
  const lock = 'lock table ports.port_allocations in share row exclusive mode'
  const locking = sql(url, `${lock}; select pg_sleep(3600)`).catch(() => {})
  await expect.poll(() => sql(url, ASLEEP)).toHaveLength(1)
  return async () => {
    await sql(url, `select pg_terminate_backend(pid) from (${ASLEEP}) as asleep`)
    await locking
  }
}
