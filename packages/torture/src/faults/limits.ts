import { close } from '@ports/testkit'
import pg from 'pg'
import { between, type Fault, type FaultContext } from './Fault.js'

const LASTS_MS = 3_000
/** More than any server here admits. */
const MAX_CONNECTIONS = 1_000
const CONCURRENCY = 25

export const limits: Fault[] = [
  limit('statement-timeout', 'statement_timeout', () => between(2, 15)),
  limit('lock-timeout', 'lock_timeout', () => between(1, 10)),
  limit('idle-in-transaction-timeout', 'idle_in_transaction_session_timeout', () => 1),
  {
    name: 'connections-exhausted',
    what: 'all connections that the server admits are taken, and some workers have to reconnect',
    weight: 1,
    inject: exhaustConnections,
  },
]

/** @param chosen returns milliseconds */
function limit(name: string, setting: string, chosen: () => number): Fault {
  return {
    name,
    what: `${setting} of a few milliseconds for every session, for three seconds`,
    weight: 2,
    inject: async ({ server, pause }) => {
      try {
        await server.query(`alter role ports set ${setting} = ${Math.ceil(chosen())}`)
        await server.query(renewSessions(MAX_CONNECTIONS))
        await pause(LASTS_MS)
        return true
      } catch {
        return false
      } finally {
        await server.retry(`alter role ports reset ${setting}`)
        await server.retry(renewSessions(MAX_CONNECTIONS))
      }
    },
  }
}

/** Settings of a role take effect for new sessions. */
function renewSessions(most: number) {
  return `select pg_terminate_backend(pid)
    from pg_stat_activity
    where application_name = 'ports'
      and state like 'idle%'
    limit ${most}`
}

async function exhaustConnections({ server, pause, isOver }: FaultContext) {
  const taken: pg.Client[] = []
  let refused = false
  const take = async () => {
    const client = new pg.Client(server.connection)
    client.on('error', () => {})
    try {
      await client.connect()
      taken.push(client)
    } catch (error) {
      // A refused client must not be used: its queries would never end.
      refused ||= (error as { code?: string }).code === '53300'
    }
  }
  try {
    for (let tries = 0; !refused && tries < MAX_CONNECTIONS && !isOver(); tries += CONCURRENCY) {
      await Promise.all(Array.from({ length: CONCURRENCY }, take))
    }
    await taken[0]?.query(renewSessions(CONCURRENCY)).catch(() => {})
    await Promise.all(Array.from({ length: CONCURRENCY }, take))
    await pause(between(500, 2_000))
    return refused
  } finally {
    await Promise.all(taken.map(close))
  }
}
