import { type CallOptions, nameOfInstance, nameOfService, type PortManager } from '@ports/core'
import type { Selected } from './arguments.js'

/** The answer that a service holds no port that was selected, and which other instances do. */
export async function holdsNoSuchPort(
  manager: PortManager,
  selected: Selected & { readonly allHosts?: boolean | undefined },
  { signal }: CallOptions,
): Promise<string> {
  const { projectName, serviceName, instance, hostname, allHosts, protocol, portNumber } = selected
  const none = `${nameOfService(manager.service(projectName, serviceName, { instance }))} holds no such port`
  const options = { hostname, allHosts, protocol, portNumber, signal }
  const others = await manager.instancesOf(projectName, serviceName, options)
  const names = others.map(nameOfInstance).join(', ')
  return names === ''
    ? `${none}; list-ports shows what is held.`
    : `${none}. Other instances do: ${names}.`
}
