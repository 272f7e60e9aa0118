// The registry as each of the processes opens and asks it.
import { setTimeout as sleep } from 'node:timers/promises'
import { PortManager } from '@ports/core'
import { openRepository } from '@ports/db'

/** @typedef {import('./History.mjs').History} History */

/**
 * @param {History} history
 * @param {string | undefined} url undefined for the embedded server
 */
export async function openRegistry(history, url) {
  for (;;) {
    const { ok } = await history.record(
      { op: 'open' },
      () => openRepository({ notify: () => {}, ...(url !== undefined && { url }) }),
      () => true,
    )
    if (ok) return new PortManager(ok, { hostname: 'alpha' })
    await sleep(50)
  }
}

/**
 * @param {History} history
 * @param {PortManager} ports
 */
export function listAll(history, ports) {
  return history.record({ op: 'list' }, () => ports.listAll(), briefly)
}

/** @param {readonly import('@ports/core').PortAllocation[]} allocations */
export function briefly(allocations) {
  return allocations.map(({ projectName, serviceName, hostname, protocol, portNumber }) => [
    projectName,
    serviceName,
    hostname,
    protocol,
    portNumber,
  ])
}

/**
 * Until it is acknowledged.
 * @param {History} history
 * @param {PortManager} ports
 * @param {{ project: string, service: string, host: string }} place
 */
export async function release(history, ports, { project, service, host }) {
  for (;;) {
    const { error } = await history.record({ op: 'release', project, service, host }, () =>
      ports.release(project, service, host),
    )
    if (error === undefined || error === 'RAW') return
    await sleep(50)
  }
}

/** So that nobody outlives the run, however that ended. */
export function endWithParent() {
  process.on('disconnect', () => process.exit(0))
}
