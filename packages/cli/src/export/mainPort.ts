import { nameOfInstance, type PortAllocation } from '@ports/core'
import type { Exported } from './Target.js'

/**
 * The one of a service's ports on one host that `ports get` prints. Undefined if it prints none of
 * them.
 * @param onHost ports of one service on one host
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
