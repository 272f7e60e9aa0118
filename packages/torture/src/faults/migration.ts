import type { Client } from 'pg'
import type { Fault, FaultContext } from './Fault.js'

const MIGRATORS = 3
const LOCK_TIMEOUT_MS = 4_000

export const migration: Fault[] = [
  {
    name: 'migrate',
    what: 'three processes call migrate() at once',
    weight: 2,
    inject: migrateAtOnce,
  },
  {
    name: 'functions-replaced',
    what: 'all functions created again, in one transaction, as a migration would',
    weight: 2,
    inject: ({ server }) => isDone(server.with(replaceFunctions)),
  },
  {
    name: 'column-added',
    what: 'a column added to a table and dropped again, each under an exclusive lock',
    weight: 2,
    inject: addColumn,
  },
]

async function replaceFunctions(client: Client) {
  const { rows } = await client.query(
    `select pg_get_functiondef(oid) as definition
     from pg_proc
     where pronamespace = 'ports'::regnamespace`,
  )
  const definitions = rows.map(({ definition }) => definition)
  await client.query(`begin; ${definitions.join(';\n')}; commit`)
}

let migrators = 0

async function migrateAtOnce({ workers, url }: FaultContext) {
  const ends = Array.from({ length: MIGRATORS }, () => {
    const migrator = workers.startOther('migrator', `m${migrators++}`, { url })
    return new Promise((resolve) => migrator.once('exit', (code) => resolve(code === 0)))
  })
  return (await Promise.all(ends)).every(Boolean)
}

/**
 * If the clock is set back while sessions wait for locks, their timeouts, and the search for
 * deadlocks, are later by as much. They would keep the column from being dropped.
 */
const END_STUCK_SESSIONS = `
  select pg_terminate_backend(pid)
  from pg_stat_activity
  where query_start > clock_timestamp() + interval '1 minute'
    and pid <> pg_backend_pid()`

async function addColumn({ server, pause, isOver }: FaultContext) {
  const table = Math.random() < 0.7 ? 'ports.port_allocations' : 'ports.port_ranges'
  // A careful migration sets a lock timeout. It retries if the server is down or busy.
  const add = `set lock_timeout = '${LOCK_TIMEOUT_MS}ms'; alter table ${table} add column torture integer`
  let done = false
  while (!done && !isOver()) {
    done = await isDone(server.query(add))
    await pause(200)
    await server.retry(END_STUCK_SESSIONS)
    // The column may exist after an error as well. Dropping a missing column would still wait for
    // the lock.
    await server.retry(`
      set lock_timeout = '${LOCK_TIMEOUT_MS}ms';
      do $$ begin
        if exists (
          select from pg_attribute
          where attrelid = '${table}'::regclass and attname = 'torture' and not attisdropped
        ) then
          alter table ${table} drop column torture;
        end if;
      end $$`)
  }
  return done
}

function isDone(done: Promise<unknown>) {
  return done.then(
    () => true,
    () => false,
  )
}
