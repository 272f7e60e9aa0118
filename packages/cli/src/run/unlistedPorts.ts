import type { EnsuredProject, LocalProject, PortAllocation, PortManager } from '@ports/core'
import { numbersOf } from '../numbersOf.js'
import { releaseLine } from '../releaseLine.js'

/**
 * Lines about services that hold ports of this copy of the project and that `ports.json` does not
 * list, such as those that had another name. Of the primary instance, only what was allocated from
 * this directory counts, because its other services need not be in the file.
 */
export async function unlistedPorts(
  ports: PortManager,
  { projectName, services }: LocalProject,
  { instance, checkout }: EnsuredProject,
  signal: AbortSignal,
): Promise<string[]> {
  const { hostname } = ports.scope()
  const held = await ports.listByProject(projectName, { hostname, signal })
  const unlisted = new Map<string, PortAllocation[]>()
  for (const port of held) {
    const isOwn = instance !== '' || checkout.allocationIds.includes(port.id)
    if (port.instance !== instance || !isOwn) continue
    if (Object.hasOwn(services, port.serviceName)) continue
    unlisted.set(port.serviceName, [...(unlisted.get(port.serviceName) ?? []), port])
  }
  return [...unlisted].map(
    ([name, its]) =>
      `${name} holds ${numbersOf(its)} and is not in ports.json. If it is no longer needed: ` +
      releaseLine(its[0]!, [], ports),
  )
}
