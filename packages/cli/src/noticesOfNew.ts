import {
  type BatchAllocation,
  lookalikes,
  type Neighbourhood,
  nameOfService,
  type PortManager,
  type Service,
} from '@ports/core'
import { releaseLine } from './releaseLine.js'

/** The highest number of known hosts that a notice names. */
const MAX_HOSTS = 5

/**
 * Notices for the services that just got their first ports in a scope.
 * @param allocations those that a call returned, all of one project and host
 */
export async function noticesOfNew(
  allocations: readonly BatchAllocation[],
  ports: PortManager,
  signal: AbortSignal,
): Promise<string[]> {
  const given = allocations.filter(({ created }) => created)
  const [first] = given
  if (!first) return []
  const { projectName, hostname } = first
  const without = given.map(({ id }) => id)
  // The ports are held by now. Their numbers must be printed, even if the names cannot be read.
  const { services, hosts } = await ports
    .neighbourhood(projectName, { hostname, without, signal })
    .catch((): Neighbourhood => ({ services: [], hosts: [] }))
  const typed = allocations.map(({ serviceName }) => serviceName)
  const others = services.filter((name) => !typed.includes(name))
  const isNewHost = hosts.length > 0 && !hosts.includes(hostname)
  const known = hosts.length > MAX_HOSTS ? [...hosts.slice(0, MAX_HOSTS), '…'] : hosts
  const fresh = distinct(given).map((service) => ({
    service,
    meant: didYouMean(service, others),
  }))
  return [
    ...fresh.flatMap(({ service, meant }) => [
      `Allocated just now: ${nameOfService(service)} had no port on ${hostname}/${service.protocol}.`,
      ...(meant === undefined ? [] : [meant]),
    ]),
    ...(isNewHost ? [`The host ${hostname} is new here. Known hosts: ${known.join(', ')}.`] : []),
    ...fresh
      .filter(({ meant }) => isNewHost || meant !== undefined)
      .map(({ service }) => {
        const release = releaseLine(service, ['--protocol', service.protocol], ports)
        return `If that was a mistake: ${release}`
      }),
  ]
}

/** One allocation for each service and protocol. */
function distinct(allocations: readonly BatchAllocation[]): BatchAllocation[] {
  const services = new Map(
    allocations.map((each) => [`${each.serviceName}/${each.protocol}`, each] as const),
  )
  return [...services.values()]
}

/** Undefined if no service has such a name. */
export function didYouMean(
  { projectName, serviceName }: Service,
  services: readonly string[],
): string | undefined {
  const alike = lookalikes(serviceName, services)
  return alike.length === 0
    ? undefined
    : `${projectName} has ${alike.join(' and ')}: did you mean that?`
}
