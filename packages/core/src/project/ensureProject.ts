import type { SkippedPort } from '../allocation/ensurePort.js'
import type { WriteOptions } from '../CallOptions.js'
import type { Checkout } from '../CheckoutStore.js'
import { isGone } from '../checkout/isGone.js'
import { recordCheckout } from '../checkout/recordCheckout.js'
import { invalidArgument } from '../errors.js'
import { type PortAllocation, PROTOCOLS } from '../PortAllocation.js'
import type { PortManager } from '../PortManager.js'
import type { PortRange } from '../PortRange.js'
import type { LocalProject } from './findProject.js'
import type { ProjectService } from './ProjectFile.js'

/** The ports of a service in one checkout. */
export interface ServicePorts {
  readonly serviceName: string
  /** By number, each once, though it may be held for both protocols. */
  readonly portNumbers: readonly number[]
  /** Whether this call allocated some of them. */
  readonly created: boolean
}

export interface EnsuredProject {
  readonly checkout: Checkout
  readonly services: readonly ServicePorts[]
  /** The range of the project, if this call created it. */
  readonly createdRange?: PortRange
  readonly skipped: readonly SkippedPort[]
}

/** Where the services' ports are, and what they shall be. */
export interface ProjectRequest extends Pick<LocalProject, 'projectName' | 'root' | 'isLinked'> {
  /** Whether a `ports.json` names the project. Only then a directory can be another instance. */
  readonly hasFile: boolean
  readonly services: Readonly<Record<string, ProjectService>>
}

/**
 * The ports of a project's services in one of its checkouts. Gives the project a range if it has
 * none, and records the directory. Safe to repeat. The services without a port of their choice get
 * theirs in one transaction.
 * @throws {PortsError} `INVALID_ARGUMENT` if the project is recorded in another directory that exists
 * and no `ports.json` names it in this one; what `claim`, `ensure` and `ensureMany` throw
 */
export async function ensureProject(
  ports: PortManager,
  { projectName, root, isLinked, hasFile, services }: ProjectRequest,
  options: WriteOptions = {},
): Promise<EnsuredProject> {
  const { range, created } = await ports.ensureRange(projectName, {}, options)
  if (!hasFile) await refuseOtherDirectory(ports, projectName, root, options)
  const directory = { root, isLinked: isLinked && hasFile }
  const checkout = await recordCheckout(ports, projectName, directory, options)
  const call = { ...options, instance: checkout.instance }

  const allocations: (PortAllocation & { readonly created: boolean })[] = []
  const skipped: SkippedPort[] = []
  const entries = Object.entries(services)
  for (const [name, service] of entries) {
    const { port, preferredPort, protocols = ['tcp'] } = service
    if (port === undefined && preferredPort === undefined) continue
    for (const protocol of protocols) {
      const wanted = { ...call, ...metadataOf(service), protocol }
      const ensured =
        port === undefined
          ? await ports.ensure(projectName, name, { ...wanted, preferredPort: preferredPort! })
          : await ports.claim(projectName, name, port, wanted)
      allocations.push({ ...ensured.allocation, created: ensured.created })
      if ('skipped' in ensured) skipped.push(...ensured.skipped)
    }
  }
  for (const group of groupedByMetadata(entries)) {
    const items = group.services.map(([service, { protocols, count = 1 }]) => ({
      service,
      ...(protocols && { protocols }),
      count,
      contiguous: count > 1,
    }))
    const batch = await ports.ensureMany(projectName, items, { ...call, ...group.metadata })
    allocations.push(...batch.allocations)
    skipped.push(...batch.skipped)
  }

  return {
    checkout,
    services: entries.map(([serviceName]) => portsOf(serviceName, allocations)),
    ...(created && { createdRange: range }),
    skipped,
  }
}

/** Two projects of one name would share their ports. */
async function refuseOtherDirectory(
  ports: PortManager,
  projectName: string,
  root: string,
  options: WriteOptions,
): Promise<void> {
  const { hostname } = ports.scope()
  const recorded = await ports.listCheckouts({ ...options, projectName, hostname })
  if (recorded.some(({ directory }) => directory === root)) return
  // A project that was moved is not recorded where it is now.
  const other = recorded.find(({ directory }) => !isGone(directory))
  if (!other) return
  throw invalidArgument(
    'directory',
    root,
    `${other.directory}, where ${projectName} is recorded, as long as no ports.json here names the project`,
  )
}

function metadataOf({ type, description, cloudflareHostname }: ProjectService) {
  return {
    ...(type !== undefined && { serviceType: type }),
    ...(description !== undefined && { description }),
    ...(cloudflareHostname !== undefined && { cloudflareHostname }),
  }
}

type Entry = [name: string, service: ProjectService]

/** A batch has the same metadata for all its services. Those without any are one batch. */
function groupedByMetadata(entries: readonly Entry[]) {
  const groups = new Map<string, { metadata: object; services: Entry[] }>()
  for (const entry of entries) {
    const [, service] = entry
    if (service.port !== undefined || service.preferredPort !== undefined) continue
    const metadata = metadataOf(service)
    const key = JSON.stringify(metadata)
    const group = groups.get(key) ?? { metadata, services: [] }
    groups.set(key, group)
    group.services.push(entry)
  }
  return groups.values()
}

function portsOf(
  serviceName: string,
  allocations: readonly (PortAllocation & { readonly created: boolean })[],
): ServicePorts {
  const own = allocations.filter((each) => each.serviceName === serviceName)
  const first = PROTOCOLS.find((protocol) => own.some((each) => each.protocol === protocol))
  return {
    serviceName,
    portNumbers: own
      .filter(({ protocol }) => protocol === first)
      .map(({ portNumber }) => portNumber),
    created: own.some((each) => each.created),
  }
}
