import type { PortManager, Service } from '@ports/core'
import { commandLine } from './commandLine.js'
import { spelledHost } from './spelledHost.js'
import { spelledInstance } from './spelledInstance.js'

/**
 * The command line that releases ports of a service on a host.
 * @param options further options that narrow it
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
