import { between, happened } from './Fault.mjs'

const HELD_AT_LEAST_MS = 1_000

/** @type {import('./Fault.mjs').Fault[]} */
export const rows = [
  {
    name: 'slots-locked',
    what: 'five free slots locked for most of a second',
    weight: 4,
    inject: lockSlots,
  },
  {
    name: 'slot-by-hand',
    what: 'a free slot stored by hand for a number that is held',
    weight: 4,
    inject: ({ server }) =>
      happened(
        server.query(
          `insert into ports.port_allocations
             (project_name, hostname, protocol, port_number, status, allocated_at)
           select project_name, hostname, protocol, port_number, 'released', null
           from ports.port_allocations
           where status <> 'released'
             and port_number >= 20000
           order by random()
           limit 1
           returning port_number`,
        ),
      ),
  },
  {
    name: 'snapshot-held',
    what: 'a REPEATABLE READ transaction that stays open while everything is updated',
    weight: 1,
    inject: holdSnapshot,
  },
]

/** @param {import('./Fault.mjs').Scene} scene */
function lockSlots({ server, pause }) {
  return server
    .with(async (client) => {
      await client.query('begin')
      // Skipping what is locked: who waits while he holds others could be part of a deadlock.
      const { rowCount } = await client.query(
        `select
         from ports.port_allocations
         where status = 'released'
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

/** @param {import('./Fault.mjs').Scene} scene */
async function holdSnapshot({ server, pause }) {
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
