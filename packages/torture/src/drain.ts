import { PortManager, PortsError } from '@ports/core'
import { openRepository } from '@ports/db'
import type { Server } from '@ports/testkit'
import { HOSTS, LIMITS, PROJECTS, PROTOCOLS } from './workload.js'

/**
 * Allocates the rest of every range and returns how many numbers are not held then. These numbers
 * could never be allocated.
 */
export async function countLostNumbers(server: Server, url: string | undefined) {
  const repository = await openRepository(url === undefined ? {} : { url })
  const ports = new PortManager(repository)
  try {
    // Remaining reservations would exclude numbers.
    for (const { startPort, endPort } of await ports.listReservations()) {
      await ports.unreserve({ startPort, endPort })
    }
    for (const limit of Object.values(LIMITS)) await ports.removeLimit(limit)
    for (const { projectName, restSeconds } of PROJECTS) {
      if (restSeconds !== undefined) await ports.setRest(projectName, 0)
      for (const hostname of HOSTS) {
        for (const protocol of PROTOCOLS) {
          await takeAll(() => ports.allocate(projectName, 'drain', { hostname, protocol }))
        }
      }
    }
  } finally {
    await repository.close()
  }
  // Ranges that the processes added and did not remove count as well.
  const [row] = await server.query(
    `select count(*)::integer as lost
     from ports.ranges
     cross join unnest($1::text[]) as host (name)
     cross join unnest($2::text[]) as scope (protocol)
     cross join generate_series(start_port, end_port) as number
     where project_name = any ($3)
       and coalesce(ranges.hostname = host.name, true)
       and not exists (
         select
         from ports.allocations
         where allocations.project_name = ranges.project_name
           and allocations.hostname = host.name
           and allocations.protocol = scope.protocol
           and allocations.port_number = number
       )
       -- Numbers that were released before the clock was set back rest for hours.
       and not exists (
         select
         from ports.port_allocations as slot
         where slot.project_name = ranges.project_name
           and slot.hostname = host.name
           and slot.protocol = scope.protocol
           and slot.port_number = number
           and slot.status = 'released'
           and slot.ends_at > clock_timestamp()
       )`,
    [HOSTS, PROTOCOLS, PROJECTS.map(({ projectName }) => projectName)],
  )
  return row.lost
}

async function takeAll(take: () => Promise<number>) {
  for (;;) {
    try {
      await take()
    } catch (error) {
      if (error instanceof PortsError && error.code === 'RANGE_EXHAUSTED') return
      throw error
    }
  }
}
