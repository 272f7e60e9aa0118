import { isAbsent, type PortAllocation, type PortManager } from '@ports/core'
import type { Context } from '../Context.js'
import { knownInstance } from '../inCheckout.js'
import { inOrder } from './inOrder.js'
import type { Target } from './Target.js'

/** Which ports are exported. */
export interface Selection {
  readonly projectName?: string
  readonly hostname?: string
  readonly instance?: string
}

/**
 * The ports that are exported, by project, service, instance, host and number, so that equal
 * registries give equal files.
 */
export async function selectPorts(
  context: Context,
  ports: PortManager,
  target: Target,
  selection: Selection,
): Promise<PortAllocation[]> {
  const { projectName } = selection
  const place = await placeOf(context, ports, target, selection)
  if (!place) return []
  const { hostname, instance } = place
  const options = { hostname, signal: context.signal }
  const allocations =
    projectName === undefined
      ? await ports.listAll(options)
      : await ports.listByProject(projectName, options)
  return allocations
    .filter((allocation) => instance === undefined || allocation.instance === instance)
    .sort(
      (one, other) =>
        inOrder(one.projectName, other.projectName) ||
        inOrder(one.serviceName, other.serviceName) ||
        inOrder(one.instance, other.instance) ||
        inOrder(one.hostname, other.hostname) ||
        inOrder(one.portNumber, other.portNumber) ||
        inOrder(one.protocol, other.protocol),
    )
}

interface Place {
  readonly hostname: string | undefined
  readonly instance: string | undefined
}

/** The host and the instance of what is exported, of which undefined means all. Undefined if it is nothing. */
async function placeOf(
  context: Context,
  ports: PortManager,
  { ofOneProject }: Target,
  { projectName, ...choice }: Selection,
): Promise<Place | undefined> {
  if (!ofOneProject || isAbsent(projectName)) {
    const { hostname, instance } = choice
    return { hostname, instance: instance && ports.instance(projectName ?? '', choice) }
  }
  const instance = await knownInstance(context, projectName, choice)
  // A checkout that is not recorded yet holds no port.
  return instance === undefined ? undefined : { hostname: ports.scope(choice).hostname, instance }
}
