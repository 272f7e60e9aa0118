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

/** A result that may tell of other services. */
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
  const { allocations } = await store.list({ cloudflareHostname }, call)
  const others = new Map(
    allocations.map(({ projectName, serviceName, instance }) => {
      const other = { projectName, serviceName, instance }
      return [nameOfService(other), other]
    }),
  )
  others.delete(nameOfService(service))
  return [...others.values()]
}

/**
 * What to add to the result of a call that gave or found an allocation. The hostname is that of the
 * allocation, which keeps the one that it had. Reads only for a call that named one.
 */
export async function sharing(
  store: AllocationStore,
  asked: Metadata,
  allocation: PortAllocation,
  call: CallOptions,
): Promise<SameCloudflareHostname> {
  const { cloudflareHostname } = allocation
  if (asked.cloudflareHostname === undefined || cloudflareHostname === undefined) return {}
  // The call must still tell which port it gave.
  const others = await sameCloudflareHostname(store, allocation, cloudflareHostname, call).catch(
    () => [],
  )
  return others.length > 0 ? { sameCloudflareHostname: others } : {}
}

type Asker = Pick<PortManager, 'sameCloudflareHostname'>

/**
 * The other services that have a Cloudflare hostname, for an interface whose call has just stored
 * it. Empty if they cannot be read: the interface must still tell what the call did.
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
