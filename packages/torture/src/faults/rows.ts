import { pick, WITHOUT_RESTS } from '../workload.js'
import { between, type Fault, type FaultContext } from './Fault.js'

const MIN_HELD_MS = 1_000

const OF_PROJECTS = `project_name in (${WITHOUT_RESTS.map(({ projectName }) => `'${projectName}'`).join(', ')})`

/**
 * Statements that the registry refuses for every role, including the owner, with their SQLSTATEs.
 */
const MANUAL_WRITES = [
  {
    sqlState: '0A000',
    text: `insert into ports.port_allocations (project_name, port_number, status, service_name)
      select project_name, start_port, 'allocated', 'manual'
      from ports.port_ranges
      where start_port >= 20000
      order by random()
      limit 1`,
  },
  {
    sqlState: '0A000',
    text: chosen(
      `update ports.port_allocations set status = 'allocated', service_name = 'manual'`,
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
    name: 'manual-writes',
    what: 'the owner tries to take, release or move a number with plain SQL, which is refused',
    weight: 4,
    inject: writeManually,
  },
  {
    name: 'snapshot-held',
    what: 'a REPEATABLE READ transaction that stays open while everything is updated',
    weight: 1,
    inject: holdSnapshot,
  },
]

function lockSlots({ server, pause }: FaultContext) {
  return server
    .with(async (client) => {
      await client.query('begin')
      // It skips locked rows because waiting while it holds others could cause a deadlock.
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

/** Applies the change to a random row that is not locked. */
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

/** The checker finds the effect of a statement that is not refused. */
async function writeManually({ server }: FaultContext) {
  const { sqlState, text } = pick(MANUAL_WRITES)
  try {
    await server.query(text)
    return false
  } catch (error) {
    return (error as { code?: string }).code === sqlState
  }
}

async function holdSnapshot({ server, pause }: FaultContext) {
  return server
    .with(async (client) => {
      await client.query('begin isolation level repeatable read')
      await client.query('select count(*) from ports.port_allocations')
      const began = performance.now()
      const lost = new Promise((resolve) => client.once('end', resolve))
      await Promise.race([pause(between(5_000, 60_000)), lost])
      // A snapshot that a crash ends counts as held.
      return performance.now() - began > MIN_HELD_MS
    })
    .catch(() => false)
}
