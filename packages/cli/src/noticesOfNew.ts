import {
  lookalikes,
  type Neighbourhood,
  nameOfService,
  type PortManager,
  type ServiceKey,
} from '@ports/core'
import { releaseLine } from './releaseLine.js'

/** The highest number of known hosts that a notice names. */
const MAX_HOSTS = 5

/** Notices for a service that just got its first port in a scope. */
export async function noticesOfNew(
  service: ServiceKey,
  ports: PortManager,
  signal: AbortSignal,
): Promise<string[]> {
  const { projectName, serviceName, hostname, protocol } = service
  // The port is held by now: its number must be told, even if the rest cannot be.
  const { services, hosts } = await ports
    .neighbourhood(projectName, serviceName, { ...service, signal })
    .catch((): Neighbourhood => ({ services: [], hosts: [] }))
  const meant = didYouMean(service, services)
  const isNewHost = hosts.length > 0 && !hosts.includes(hostname)
  const known = hosts.length > MAX_HOSTS ? [...hosts.slice(0, MAX_HOSTS), '…'] : hosts
  const release = releaseLine(service, ['--protocol', protocol], ports)
  return [
    `Allocated just now: ${nameOfService(service)} had no port on ${hostname}/${protocol}.`,
    ...(meant === undefined ? [] : [meant]),
    ...(isNewHost ? [`The host ${hostname} is new here. Known hosts: ${known.join(', ')}`] : []),
    ...(meant === undefined && !isNewHost ? [] : [`If that was a mistake: ${release}`]),
  ]
}

/** Undefined if no service has such a name. */
export function didYouMean(
  { projectName, serviceName }: ServiceKey,
  services: readonly string[],
): string | undefined {
  const alike = lookalikes(serviceName, services)
  return alike.length === 0
    ? undefined
    : `${projectName} has ${alike.join(' and ')}: did you mean that?`
}
