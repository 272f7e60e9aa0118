import {
  currentDirectory,
  nameOfInstance,
  nearestWith,
  type PortManager,
  PROJECT_FILE,
  type Service,
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
  const words = [projectName, serviceName, ...copy, ...options, ...host.options]
  return host.environment + commandLine('ports', 'release', ...words)
}

/** How to name that instance on the command line: nothing if it is the default everywhere here. */
function spelledInstance(projectName: string, instance: string, ports: PortManager): string[] {
  const isNamed = ports.namedInstance(projectName) !== undefined
  const directory = currentDirectory()
  const mayBeDerived =
    !isNamed && directory !== undefined && nearestWith(PROJECT_FILE, directory) !== undefined
  const isDefault = instance === ports.instance(projectName) && !mayBeDerived
  return isDefault ? [] : ['--instance', nameOfInstance(instance)]
}
