import {
  instanceOfEnvironment,
  nearestWith,
  type PortManager,
  PortsError,
  PROJECT_FILE,
  type Service,
  workingDirectory,
} from '@ports/core'
import { commandLine } from './commandLine.js'
import { spelledHost } from './spelledHost.js'

/**
 * The command line that releases ports of a service on a host.
 * @param options what narrows it further
 */
export function releaseLine(
  { projectName, serviceName, instance, hostname }: Service & { readonly hostname: string },
  options: readonly string[],
  ports: PortManager,
): string {
  const copy = spelledInstance(projectName, instance, ports)
  const host = spelledHost(hostname, ports)
  const words = [projectName, serviceName, ...copy.options, ...options, ...host.options]
  return copy.environment + host.environment + commandLine('ports', 'release', ...words)
}

/**
 * How to name that instance on the command line: nothing if it is the default. The primary one has
 * no name, so if another may be the default, the command clears that.
 */
function spelledInstance(projectName: string, instance: string, ports: PortManager) {
  if (isDefault(projectName, instance, ports)) return { environment: '', options: [] }
  return instance === ''
    ? { environment: 'PORTS_INSTANCE= ', options: [] }
    : { environment: '', options: ['--instance', instance] }
}

/** False also if that cannot be told here. */
function isDefault(projectName: string, instance: string, ports: PortManager): boolean {
  try {
    const isNamed = instanceOfEnvironment()(projectName) !== undefined
    const mayBeDerived = !isNamed && nearestWith(PROJECT_FILE, workingDirectory()) !== undefined
    return instance === ports.instance(projectName) && !mayBeDerived
  } catch (error) {
    if (error instanceof PortsError) return false
    throw error
  }
}
