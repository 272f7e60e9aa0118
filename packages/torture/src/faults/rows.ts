import { pick, WITHOUT_RESTS } from '../workload.js'
import { between, type Fault, type Scene } from './Fault.js'

const HELD_AT_LEAST_MS = 1_000

const OF_PROJECTS = `project_name in (${WITHOUT_RESTS.map(({ projectName }) => `'${projectName}'`).join(', ')})`

/** Statements that are refused to everyone, the owner included, with their SQLSTATEs. */
const BY_HAND = [
  {
    sqlState: '0A000',
    text: `insert into ports.port_allocations (project_name, port_number, status, service_name)
      select project_name, start_port, 'allocated', 'by-hand'
      from ports.port_ranges
      where start_port >= 20000
      order by random()
      limit 1`,
  },
  {
    sqlState: '0A000',
    text: chosen(
      `update ports.port_allocations set status = 'allocated', service_name = 'by-hand'`,
      `status = 'released'`,
    ),
  },
  {
    sqlState: '0A000',
    text: chosen('delete from ports.port_allocations', `status <> 'released'`),
  },
  {
    sqlState: '0A000',
    text: chosen(
      'update ports.port_allocations set port_number = port_number + 1',
      `status <> 'released'`,
    ),
  },
  {
    sqlState: 'ZP004',
    text: `insert into ports.port_allocations (project_name, port_number)
      select project_name, 65000
      from ports.port_ranges
      where start_port >= 20000
      order by random()
      limit 1`,
  },
]

export const rows: Fault[] = [
  {
    name: 'slots-locked',
    what: 'five free slots locked for most of a second',
    weight: 4,
    inject: lockSlots,
  },
  {
    name: 'rows-by-hand',
    what: 'a number taken, given up or moved by plain statements of the owner, which are refused',
    weight: 4,
    inject: changeByHand,
  },
  {
    name: 'snapshot-held',
    what: 'a REPEATABLE READ transaction that stays open while everything is updated',
    weight: 1,
    inject: holdSnapshot,
  },
]

function lockSlots({ server, pause }: Scene) {
  return server
    .with(async (client) => {
      await client.query('begin')
      // Skipping what is locked: who waits while he holds others could be part of a deadlock.
      const { rowCount } = await client.query(
        `select
         from ports.port_allocations
         where status = 'released'
           and ${OF_PROJECTS}
         order by random()
         limit 5
         for update skip locked`,
      )
      await pause(between(300, 900))
      await client.query('rollback')
      return rowCount !== 0
    })
    .catch(() => false)
}

/** Applies the change to a random row that nobody has locked. */
function chosen(change: string, condition: string) {
  return `${change}
    where ctid = (
      select ctid
      from ports.port_allocations
      where ${condition}
        and ${OF_PROJECTS}
      order by random()
      limit 1
      for update skip locked
    )`
}

/** A statement that is not refused takes effect, and the checker finds it. */
async function changeByHand({ server }: Scene) {
  const { sqlState, text } = pick(BY_HAND)
  try {
    await server.query(text)
    return false
  } catch (error) {
    return (error as { code?: string }).code === sqlState
  }
}

async function holdSnapshot({ server, pause }: Scene) {
  return server
    .with(async (client) => {
      await client.query('begin isolation level repeatable read')
      await client.query('select count(*) from ports.port_allocations')
      const began = performance.now()
      const lost = new Promise((resolve) => client.once('end', resolve))
      await Promise.race([pause(between(5_000, 60_000)), lost])
      // Held until a crash of the server is held as well.
      return performance.now() - began > HELD_AT_LEAST_MS
    })
    .catch(() => false)
}
