// Locks that are held for a long time. If one of these is the only fault, the checker is informed
// which rows were locked and when, and checks which calls waited for them.

import { JUST_BEFORE_US } from '../checker/waits.js'
import { HOSTS, LARGE, now, PROTOCOLS, pick, WITHOUT_RESTS } from '../workload.js'
import { between, type Fault, type FaultContext } from './Fault.js'

/** Older versions locked the ranges and each service by these keys. Prisma's migrations use one. */
const FORMER_KEYS = `
  select hashtextextended('ports.port_ranges', 0)
  union
  select 72707369
  union
  select hashtextextended(concat_ws('/', project_name, service_name, protocol, hostname), 0)
  from ports.allocations`
const OTHER_KEYS = 2_000
/** Time for the workers to start and to show the duration of calls without the fault. */
const BASELINE_MS = 2_500 + JUST_BEFORE_US / 1_000

export const locks: Fault[] = [
  {
    name: 'project-stuck',
    what: 'a transaction that locks one project and its slots, free and held, and is idle for some seconds',
    weight: 2,
    inject: holdProject,
  },
  {
    name: 'advisory-locks',
    what: 'a role that may only log in takes thousands of advisory locks, also those of older versions, for some seconds',
    weight: 2,
    inject: takeAdvisoryLocks,
  },
]

async function holdProject({ server, pause, noteStuck }: FaultContext) {
  // As the only fault, it takes the project that is never full.
  const { projectName } = noteStuck ? LARGE : pick(WITHOUT_RESTS)
  if (noteStuck) await pause(BASELINE_MS)
  return server
    .with(async (client) => {
      await client.query('begin; savepoint untouched')
      const scopes = HOSTS.flatMap((host) => PROTOCOLS.map((protocol) => [host, protocol]))
      for (const scope of scopes) {
        await client
          .query('select ports.allocate_port($1, $2, $3, $4)', [projectName, 'stuck', ...scope])
          // The range may be full.
          .catch(() => client.query('rollback to savepoint untouched'))
        await client.query('savepoint untouched')
      }
      // It skips locked rows because waiting while it holds others could cause a deadlock.
      for (const table of ['projects where name', 'port_allocations where project_name']) {
        await client.query(`select from ports.${table} = $1 for update skip locked`, [projectName])
      }
      const from = now()
      await pause(between(3_000, 8_000))
      noteStuck?.({ project: projectName, from, until: now() })
      await client.query('rollback')
      return true
    })
    .catch(() => false)
}

async function takeAdvisoryLocks({ server, pause, noteStuck }: FaultContext) {
  if (noteStuck) await pause(BASELINE_MS)
  return server
    .with(async (client) => {
      const { rows } = await client.query(`select key::text from (${FORMER_KEYS}) as former (key)`)
      await client.query(
        `do $$ begin
           create role torture_guest;
         exception when duplicate_object or unique_violation then null;
         end $$`,
      )
      await client.query('set session authorization torture_guest')
      // A key of an older version may be in use, so it waits.
      await client.query(`set lock_timeout = '2s'`)
      await client
        .query('select count(pg_advisory_lock(key::bigint)) from unnest($1::text[]) as key', [
          rows.map(({ key }) => key),
        ])
        .catch(() => {})
      const taken = await client.query(
        `select count(*) filter (where pg_try_advisory_lock(key))::integer as count
         from (select unnest($1::bigint[]) union select generate_series(0, $2)) as wanted (key)`,
        [rows.map(({ key }) => key), OTHER_KEYS],
      )
      const from = now()
      await pause(between(3_000, 6_000))
      noteStuck?.({ from, until: now() })
      return taken.rows[0].count > OTHER_KEYS
    })
    .catch(() => false)
}
