import type { BatchAllocation } from '../BatchStore.js'
import type { WriteOptions } from '../CallOptions.js'
import { PortsError } from '../errors.js'
import type { PortManager } from '../PortManager.js'
import { rootWithFile } from './findProject.js'

/**
 * Records that the new allocations of a project were made from a directory of this host, if the
 * directory belongs to a recorded checkout of the project. Prune then knows that they may be
 * released with it.
 * @param directory absolute
 */
export async function noteMadeFrom(
  ports: PortManager,
  directory: string,
  allocations: readonly BatchAllocation[],
  options: WriteOptions = {},
): Promise<void> {
  const root = rootWithFile(directory)
  if (root !== undefined) await noteMadeIn(ports, root, allocations, options)
}

/** @param root the top directory of the checkout */
export async function noteMadeIn(
  ports: PortManager,
  root: string,
  allocations: readonly BatchAllocation[],
  options: WriteOptions = {},
): Promise<void> {
  const { hostname } = ports.scope()
  const made = allocations.filter((it) => it.created && it.hostname === hostname)
  const [first] = made
  if (!first) return
  const checkout = { projectName: first.projectName, hostname, directory: root }
  const ids = made.map(({ id }) => id)
  // The ports are held by now, and must be reported. If this fails, prune keeps them.
  await ports.noteAllocations(checkout, ids, options).catch((error) => {
    if (!(error instanceof PortsError)) throw error
  })
}
