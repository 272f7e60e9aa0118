import type { AllocationStore } from '../AllocationStore.js'
import { isAbsent } from '../absent.js'
import type { CallOptions } from '../CallOptions.js'
import {
  type Metadata,
  nameOfService,
  type PortAllocation,
  type Service,
} from '../PortAllocation.js'
import type { PortManager } from '../PortManager.js'

/** A result that may name other services. */
export interface SameCloudflareHostname {
  /**
   * The other services that hold a port under the Cloudflare hostname of this one. Absent if there
   * are none, and if the call named no Cloudflare hostname.
   */
  readonly sameCloudflareHostname?: readonly Service[]
}

/**
 * The other services that hold a port under a Cloudflare hostname, by number. A service on several
 * hosts is named once. Each instance counts as a service.
 */
export async function sameCloudflareHostname(
  store: AllocationStore,
  service: Service,
  cloudflareHostname: string,
  call: CallOptions,
): Promise<Service[]> {
  return others(service, await servicesWith(store, cloudflareHostname, call))
}

/**
 * The addition to the result of a call that returns an allocation. The hostname is that of the
 * allocation, which keeps the one that it had. Reads only for a call that named one.
 */
export async function sharing(
  store: AllocationStore,
  asked: Metadata,
  allocation: PortAllocation,
  call: CallOptions,
): Promise<SameCloudflareHostname> {
  const [{ sameCloudflareHostname } = {}] = await withSharing(store, asked, [allocation], call)
  return sameCloudflareHostname ? { sameCloudflareHostname } : {}
}

/** As `sharing`, for several allocations. Reads once for each hostname. */
export async function withSharing<Allocation extends PortAllocation>(
  store: AllocationStore,
  asked: Metadata,
  allocations: readonly Allocation[],
  call: CallOptions,
): Promise<(Allocation & SameCloudflareHostname)[]> {
  if (asked.cloudflareHostname === undefined) return [...allocations]
  const services = new Map<string, readonly Service[]>()
  for (const { cloudflareHostname } of allocations) {
    if (cloudflareHostname === undefined || services.has(cloudflareHostname)) continue
    // The call must still return the ports that it allocated.
    const all = await servicesWith(store, cloudflareHostname, call).catch(() => [])
    services.set(cloudflareHostname, all)
  }
  return allocations.map((allocation) => {
    const same = others(allocation, services.get(allocation.cloudflareHostname ?? '') ?? [])
    return { ...allocation, ...(same.length > 0 && { sameCloudflareHostname: same }) }
  })
}

async function servicesWith(
  store: AllocationStore,
  cloudflareHostname: string,
  call: CallOptions,
): Promise<Service[]> {
  const { allocations } = await store.list({ cloudflareHostname }, call)
  const services = new Map(
    allocations.map(({ projectName, serviceName, instance }) => {
      const service = { projectName, serviceName, instance }
      return [nameOfService(service), service]
    }),
  )
  return [...services.values()]
}

function others(service: Service, services: readonly Service[]): Service[] {
  return services.filter((each) => nameOfService(each) !== nameOfService(service))
}

type Asker = Pick<PortManager, 'sameCloudflareHostname'>

/**
 * The other services that have a Cloudflare hostname, for an interface whose call has just stored
 * it. Empty if they cannot be read, because the interface must still report what the call did.
 */
export async function othersToTell(
  manager: Asker,
  { projectName, serviceName, instance }: Service,
  cloudflareHostname: string | null | undefined,
  { signal }: CallOptions,
): Promise<Service[]> {
  if (isAbsent(cloudflareHostname)) return []
  return manager
    .sameCloudflareHostname(projectName, serviceName, cloudflareHostname, { instance, signal })
    .catch(() => [])
}

/** A warning that names the others with the same Cloudflare hostname; undefined without any. */
export function describeSameCloudflareHostname(
  cloudflareHostname: string | null | undefined,
  others: readonly Service[] = [],
): string | undefined {
  if (isAbsent(cloudflareHostname) || others.length === 0) return undefined
  const names = others.map(nameOfService).join(', ')
  const have = others.length === 1 ? 'has' : 'have'
  return `${names} ${have} the Cloudflare hostname ${cloudflareHostname} too. It can lead to only one of them.`
}
