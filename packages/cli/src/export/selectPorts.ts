import { isAbsent, type PortAllocation, type PortManager } from '@ports/core'
import type { Context } from '../Context.js'
import { knownInstance } from '../inCheckout.js'
import { inOrder } from './inOrder.js'
import type { Target } from './Target.js'

/** The choice of the ports to export. */
export interface Selection {
  readonly projectName?: string
  readonly hostname?: string
  readonly instance?: string
}

/**
 * The ports to export, sorted by project, service, instance, host, number and protocol, so that
 * equal registries give equal files.
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

/**
 * The host and the instance to export. Each may be undefined, which means all. The result is
 * undefined if there is nothing to export.
 */
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
