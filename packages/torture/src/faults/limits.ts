import pg from 'pg'
import { close } from '../server/Server.js'
import { between, type Fault, type Scene } from './Fault.js'

const LASTS_MS = 3_000
/** More than any server here admits. */
const ENOUGH = 1_000
const AT_ONCE = 25

export const limits: Fault[] = [
  limit('statement-timeout', 'statement_timeout', () => between(2, 15)),
  limit('lock-timeout', 'lock_timeout', () => between(1, 10)),
  limit('idle-in-transaction-timeout', 'idle_in_transaction_session_timeout', () => 1),
  {
    name: 'connections-exhausted',
    what: 'all connections that the server admits are taken, and some workers have to connect anew',
    weight: 1,
    inject: exhaustConnections,
  },
]

/** @param chosen in milliseconds */
function limit(name: string, setting: string, chosen: () => number): Fault {
  return {
    name,
    what: `${setting} of a few milliseconds for every session, for three seconds`,
    weight: 2,
    inject: async ({ server, pause }) => {
      try {
        await server.query(`alter role ports set ${setting} = ${Math.ceil(chosen())}`)
        await server.query(renewSessions(ENOUGH))
        await pause(LASTS_MS)
        return true
      } catch {
        return false
      } finally {
        await server.insist(`alter role ports reset ${setting}`)
        await server.insist(renewSessions(ENOUGH))
      }
    },
  }
}

/** A role's settings are for its next session. */
function renewSessions(most: number) {
  return `select pg_terminate_backend(pid)
    from pg_stat_activity
    where application_name = 'ports'
      and state like 'idle%'
    limit ${most}`
}

async function exhaustConnections({ server, pause, isOver }: Scene) {
  const taken: pg.Client[] = []
  let refused = false
  const take = async () => {
    const client = new pg.Client(server.connection)
    client.on('error', () => {})
    try {
      await client.connect()
      taken.push(client)
    } catch (error) {
      // One that was refused is over; what it were asked would wait for ever.
      refused ||= (error as { code?: string }).code === '53300'
    }
  }
  try {
    for (let tries = 0; !refused && tries < ENOUGH && !isOver(); tries += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, take))
    }
    await taken[0]?.query(renewSessions(AT_ONCE)).catch(() => {})
    await Promise.all(Array.from({ length: AT_ONCE }, take))
    await pause(between(500, 2_000))
    return refused
  } finally {
    await Promise.all(taken.map(close))
  }
}
