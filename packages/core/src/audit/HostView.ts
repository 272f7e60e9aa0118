import { contains } from '../bounds.js'
import type { CallOptions } from '../CallOptions.js'
import type { Container } from '../containers/Container.js'
import { readContainers } from '../containers/readContainers.js'
import { seePublished } from '../containers/seePublished.js'
import { checkLocal, checkRemote } from '../listeners/checkListener.js'
import type { ProbeOptions } from '../listeners/connectProbe.js'
import type { Endpoint, Listener, Listeners } from '../listeners/Listeners.js'
import { noteServicesOf } from '../listeners/network.js'
import { readListeners } from '../listeners/readListeners.js'
import { type Sighting, unknownBecause } from '../listeners/Sighting.js'
import type { LocalHost } from '../localHost.js'
import type { PortAllocation } from '../PortAllocation.js'
import type { Bounds, PortRange } from '../PortRange.js'
import type { PortRepository } from '../PortRepository.js'
import { readKernelSettings } from '../passedOver/lookAtHost.js'
import { ephemeralNumbers } from '../passedOver/passedOverOnHost.js'
import { Recorded } from '../processes/Recorded.js'
import { SocketProcesses } from '../processes/SocketProcesses.js'
import type { Stray } from './conflictsOf.js'

/** This host at one moment, and what the registry records of its processes. */
export class HostView {
  readonly #localHost: LocalHost
  readonly #isLocal = new Map<string, boolean>()
  readonly #listeners: Listeners | undefined
  readonly #seesServices: boolean
  readonly #recorded: Recorded
  readonly #containers: readonly Container[]
  /** The numbers that the kernel may give to outgoing connections, if they can be seen. */
  readonly ephemeral: readonly Bounds[]

  private constructor(
    localHost: LocalHost,
    listeners: Listeners | undefined,
    seesServices: boolean,
    recorded: Recorded,
    containers: readonly Container[],
    ephemeral: readonly Bounds[],
  ) {
    this.#localHost = localHost
    this.#listeners = listeners
    this.#seesServices = seesServices
    this.#recorded = recorded
    this.#containers = containers
    this.ephemeral = ephemeral
  }

  static async of(
    localHost: LocalHost,
    repository: PortRepository,
    call: CallOptions,
  ): Promise<HostView> {
    const [listeners, seesServices, kernel, { containers }, checkouts, processes] =
      await Promise.all([
        readListeners(),
        noteServicesOf(localHost.name, repository, call),
        readKernelSettings(),
        readContainers(call),
        repository.listCheckouts({ hostname: localHost.name }, call),
        repository.listProcesses(localHost.name, call),
      ])
    const ephemeral = seesServices && kernel ? ephemeralNumbers(kernel) : []
    const recorded = new Recorded(checkouts, processes)
    return new HostView(localHost, listeners, seesServices, recorded, containers, ephemeral)
  }

  /** Whether this host's kernel shows the sockets of a host. */
  isLocal(hostname: string): boolean {
    const known = this.#isLocal.get(hostname)
    if (known !== undefined) return known
    const isLocal = this.#localHost.is(hostname)
    this.#isLocal.set(hostname, isLocal)
    return isLocal
  }

  async see(target: Endpoint, probe: ProbeOptions): Promise<Sighting> {
    if (!this.isLocal(target.hostname)) return checkRemote(target, probe)
    if (this.#listeners && !this.#seesServices) return unknownBecause('other-network')
    const seen = await checkLocal(target, this.#listeners, probe)
    return seePublished(seen, target, async () => this.#containers, probe)
  }

  /** The sockets that serve an allocation of this host, or may. */
  socketsOf({ hostname, protocol, portNumber: port }: PortAllocation): readonly Listener[] {
    if (!this.#seesServices || !this.isLocal(hostname)) return []
    return this.#listeners?.socketsAt({ hostname, protocol, port }) ?? []
  }

  /**
   * The TCP sockets of this host that listen on a number of a range and belong to no allocation.
   * Leaves out UDP sockets, which may be those of clients.
   * @param held the allocations of this host
   */
  strays(ranges: readonly PortRange[], held: readonly PortAllocation[]): Stray[] {
    if (!this.#seesServices || !this.#listeners) return []
    const numbers = new Set(
      held.filter(({ protocol }) => protocol === 'tcp').map(({ portNumber }) => portNumber),
    )
    const owned = ranges.filter(({ hostname }) => hostname === undefined || this.isLocal(hostname))
    const listeners = this.#listeners
    return listeners.ports('tcp').flatMap((port) => {
      const range = owned.find((each) => contains(each, port))
      return range && !numbers.has(port)
        ? [{ port, range, sockets: listeners.socketsOn('tcp', port) }]
        : []
    })
  }

  /** Finds the processes of sockets of this host. All processes are looked at once. */
  processesOf(sockets: readonly Listener[]): Promise<SocketProcesses> {
    return SocketProcesses.of(sockets, this.#recorded, this.#containers)
  }
}
