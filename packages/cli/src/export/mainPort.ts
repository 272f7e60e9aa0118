import { nameOfInstance, type PortAllocation } from '@ports/core'
import type { Exported } from './Target.js'

/**
 * Of the ports of a service on one host, the one that `ports get` prints. Undefined if it is none of
 * them.
 */
export async function mainPort(
  { ports, context: { signal } }: Exported,
  onHost: readonly PortAllocation[],
): Promise<PortAllocation | undefined> {
  const [first] = onHost
  if (onHost.length <= 1 || !first) return first
  const { projectName, serviceName, hostname, protocol } = first
  const instance = nameOfInstance(first.instance)
  const scope = { hostname, protocol }
  const found = await ports.find(projectName, serviceName, { instance, ...scope, signal })
  return onHost.find(({ portNumber }) => portNumber === found)
}
