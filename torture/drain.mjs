import { PortManager, PortsError } from '@ports/core'
import { openRepository } from '@ports/db'
import { HOSTS, PROJECTS, PROTOCOLS } from './workload.mjs'

/**
 * Takes what is left of every range until it is exhausted, and answers how many numbers nobody has
 * then: nobody could ever have those.
 * @param {import('./server/Server.mjs').Server} server
 */
export async function countLostNumbers(server) {
  const repository = await openRepository(server.url === undefined ? {} : { url: server.url })
  const ports = new PortManager(repository)
  let offered = 0
  try {
    for (const { projectName, startPort, endPort } of PROJECTS) {
      for (const hostname of HOSTS) {
        for (const protocol of PROTOCOLS) {
          offered += endPort - startPort + 1
          await takeAll(() => ports.allocate(projectName, 'drain', { hostname, protocol }))
        }
      }
    }
  } finally {
    await repository.close()
  }
  const [held] = await server.query(
    `select count(distinct (hostname, protocol, port_number))::integer as count
     from ports.allocations
     where hostname = any ($1)`,
    [HOSTS],
  )
  return offered - held.count
}

/** @param {() => Promise<number>} take */
async function takeAll(take) {
  for (;;) {
    try {
      await take()
    } catch (error) {
      if (error instanceof PortsError && error.code === 'RANGE_EXHAUSTED') return
      throw error
    }
  }
}
