import type { BatchEntry } from '../allocation/ensureMany.js'
import type { SkippedPort } from '../allocation/ensurePort.js'
import type { WriteOptions } from '../CallOptions.js'
import type { Checkout } from '../CheckoutStore.js'
import { currentPlace } from '../checkout/currentPlace.js'
import { EXIT_STATUS, invalidArgument, PortsError } from '../errors.js'
import { nameOfInstance } from '../instance.js'
import {
  METADATA_FIELDS,
  type Metadata,
  type PortAllocation,
  PROTOCOLS,
} from '../PortAllocation.js'
import type { PortManager } from '../PortManager.js'
import type { PortRange } from '../PortRange.js'
import { claimFixed, fixedPortRefused } from './claimFixed.js'
import type { LocalProject } from './findProject.js'
import { noteMadeIn } from './noteMadeFrom.js'
import { ownWantedNumbers } from './ownWantedNumbers.js'
import type { ProjectService } from './ProjectFile.js'
import { unavailableServices } from './unavailableServices.js'

/** The ports of a service in one checkout. */
export interface ServicePorts {
  readonly serviceName: string
  /** In ascending order. A number that is held for both protocols appears once. */
  readonly portNumbers: readonly number[]
  readonly allocationIds: readonly string[]
  /** Whether this call allocated some of them. */
  readonly created: boolean
}

interface RefusedService {
  readonly serviceName: string
  readonly error: PortsError
}

export interface EnsuredProject {
  /**
   * The instance that has the ports: the one that the environment names, else that of the checkout.
   */
  readonly instance: string
  /** The directory, as it was recorded before this call allocated anything. */
  readonly checkout: Checkout
  readonly services: readonly ServicePorts[]
  /** Services that are not needed and whose fixed port is not available. They have no ports here. */
  readonly refused: readonly RefusedService[]
  /** The ranges of the project that this call created. */
  readonly createdRanges: readonly PortRange[]
  readonly skipped: readonly SkippedPort[]
}

/** A checkout, and the services that need ports in it. */
export interface ProjectRequest extends Pick<LocalProject, 'projectName' | 'root' | 'isLinked'> {
  /** Whether a `ports.json` names the project. Without one, no directory is another instance. */
  readonly hasFile: boolean
  readonly services: Readonly<Record<string, ProjectService>>
  /**
   * The services that must get their ports. Any other service whose fixed port is not available
   * gets none, because the primary instance may hold that number. Default: all.
   */
  readonly needed?: readonly string[]
  /** The service whose ports have a lease, which this renews. */
  readonly lease?: { readonly serviceName: string; readonly ttlSeconds: number }
}

/**
 * The ports of a project's services in one of its checkouts. Gives the project a range if it has
 * none, and adds the numbers that its services want and that no project owns. Records the
 * directory. Safe to repeat. The services with neither `port` nor `preferredPort` get theirs in one
 * transaction, except the one with a lease.
 * @throws {PortsError} `INVALID_ARGUMENT` if the project is recorded in another directory and no
 * `ports.json` names it in this one; what `claim`, `ensure` and `ensureMany` throw
 */
export async function ensureProject(
  ports: PortManager,
  { projectName, root, isLinked, hasFile, services, needed, lease }: ProjectRequest,
  options: WriteOptions = {},
): Promise<EnsuredProject> {
  const entries = neededFirst(Object.entries(services), needed)
  const leaseOf = (name: string) =>
    name === lease?.serviceName ? { ttlSeconds: lease.ttlSeconds } : {}
  const ranges = await rangesOf(ports, options)
  const refused: RefusedService[] = []
  const refuse = async (serviceName: string, cause: PortsError) => {
    const error = await fixedPortRefused(ports, { projectName, serviceName }, cause, options)
    if (needed?.includes(serviceName) ?? true) throw error
    refused.push({ serviceName, error })
  }
  const unavailable = await unavailableServices(ports, projectName, ranges, entries, options)
  for (const [name, error] of unavailable) await refuse(name, error)
  const possible = entries.filter(([name]) => !unavailable.has(name))
  // Only admins may make a range.
  const hasRange = ranges.some((range) => range.projectName === projectName)
  const made = hasRange ? undefined : await ports.ensureRange(projectName, {}, options)
  if (!hasFile) await refuseOtherDirectory(ports, projectName, root, options)
  const directory = { root, isLinked: isLinked && hasFile }
  const { checkout } = await ports.ensureCheckout(projectName, directory, options)
  const instance = ports.namedInstance(projectName) ?? checkout.instance
  const call = { ...options, instance: nameOfInstance(instance) }

  const wishes = possible.map(([, service]) => service)
  const added = await ownWantedNumbers(ports, projectName, wishes, options)
  const allocations: (PortAllocation & { readonly created: boolean })[] = []
  const skipped: SkippedPort[] = []
  for (const [name, service] of possible) {
    const { port, preferredPort, protocols = ['tcp'] } = service
    const wanted = { ...call, ...metadataOf(service), ...leaseOf(name) }
    if (port !== undefined) {
      const fixed = { projectName, serviceName: name, portNumber: port, protocols }
      try {
        allocations.push(...(await claimFixed(ports, fixed, wanted)))
      } catch (error) {
        if (!isRefusal(error)) throw error
        await refuse(name, error)
      }
    } else if (preferredPort !== undefined) {
      for (const protocol of protocols) {
        const ensured = await ports.ensure(projectName, name, {
          ...wanted,
          preferredPort,
          protocol,
        })
        allocations.push({ ...ensured.allocation, created: ensured.created })
        skipped.push(...ensured.skipped)
      }
    }
  }
  const anywhere = entries.filter(
    ([, { port, preferredPort }]) => port === undefined && preferredPort === undefined,
  )
  const isLeased = ([name]: Entry) => name === lease?.serviceName
  const batches = [anywhere.filter(isLeased), anywhere.filter((entry) => !isLeased(entry))]
  for (const batch of batches.filter(({ length }) => length > 0)) {
    const wanted = { ...call, ...leaseOf(batch[0]![0]) }
    const given = await ports.ensureMany(projectName, batch.map(itemOf), wanted)
    allocations.push(...given.allocations)
    skipped.push(...given.skipped)
  }
  for (const { metadata, services } of groupedByMetadata(anywhere, allocations)) {
    await ports.ensureMany(projectName, services.map(itemOf), { ...call, ...metadata })
  }

  await noteMadeIn(ports, root, allocations, options)
  return {
    instance,
    checkout,
    services: Object.keys(services)
      .map((serviceName) => portsOf(serviceName, allocations))
      .filter(({ portNumbers }) => portNumbers.length > 0),
    refused,
    createdRanges: [...(made?.created ? [made.range] : []), ...added],
    skipped,
  }
}

/**
 * The needed services are first, so that nothing is claimed for the others if one of them is
 * refused.
 */
function neededFirst(entries: readonly Entry[], needed: readonly string[] = []): Entry[] {
  const isNeeded = ([name]: Entry) => needed.includes(name)
  return [...entries.filter(isNeeded), ...entries.filter((entry) => !isNeeded(entry))]
}

/** The ranges of all projects. Makes a registry if there is none, because a new one has ranges. */
async function rangesOf(ports: PortManager, options: WriteOptions): Promise<readonly PortRange[]> {
  return ports.listRanges(options).catch(async (error) => {
    if (!(error instanceof PortsError) || error.code !== 'NO_REGISTRY') throw error
    await ports.import([], options)
    return ports.listRanges(options)
  })
}

/** Two projects with the same name would share their ports. */
async function refuseOtherDirectory(
  ports: PortManager,
  projectName: string,
  root: string,
  options: WriteOptions,
): Promise<void> {
  const { hostname } = ports.scope()
  const recorded = await ports.listCheckouts({ ...options, projectName, hostname })
  // A directory may have been moved since it was recorded.
  const places = recorded.map((checkout) => currentPlace(checkout, root))
  if (places.includes(root)) return
  const other = places.find((place) => place !== undefined)
  if (other === undefined) return
  throw invalidArgument(
    'directory',
    root,
    `${other}, where ${projectName} is recorded, unless a ports.json here names the project`,
  )
}

function isRefusal(error: unknown): error is PortsError {
  return error instanceof PortsError && EXIT_STATUS[error.code] === EXIT_STATUS.PORT_TAKEN
}

function metadataOf({ type, description, cloudflareHostname }: ProjectService) {
  return {
    ...(type !== undefined && { serviceType: type }),
    ...(description !== undefined && { description }),
    ...(cloudflareHostname !== undefined && { cloudflareHostname }),
  }
}

type Entry = [name: string, service: ProjectService]

function itemOf([service, { protocols, count = 1 }]: Entry): BatchEntry {
  return { service, ...(protocols && { protocols }), count, contiguous: count > 1 }
}

/**
 * The services whose allocations lack some of their metadata. A batch has one set of metadata for
 * all its services, so the first batch, which gives all their ports, has none.
 */
function groupedByMetadata(entries: readonly Entry[], allocations: readonly PortAllocation[]) {
  const groups = new Map<string, { metadata: Metadata; services: Entry[] }>()
  for (const entry of entries) {
    const [serviceName, service] = entry
    const metadata: Metadata = metadataOf(service)
    const lacksSome = allocations.some(
      (held) =>
        held.serviceName === serviceName &&
        METADATA_FIELDS.some((field) => metadata[field] !== undefined && held[field] === undefined),
    )
    if (!lacksSome) continue
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
    allocationIds: own.map(({ id }) => id),
    created: own.some((each) => each.created),
  }
}
