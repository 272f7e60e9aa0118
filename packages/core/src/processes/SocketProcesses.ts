import type { CheckedProcess } from '../audit/Audit.js'
import type { Container } from '../containers/Container.js'
import { publisherOf } from '../containers/publisherOf.js'
import { inContainer } from '../containers/withContainers.js'
import type { Listener } from '../listeners/Listeners.js'
import type { PortAllocation } from '../PortAllocation.js'
import { describeProcess, type ListeningProcess, processesOf } from './listeningProcesses.js'
import { decisive, type Recorded } from './Recorded.js'

/**
 * The processes that have sockets of this host open, found by one look at all processes. Each process
 * is read once, because one may have many sockets.
 */
export class SocketProcesses {
  readonly #pids: ReadonlyMap<number, readonly number[]>
  readonly #described = new Map<number, ListeningProcess>()
  readonly #recorded: Recorded
  readonly #containers: readonly Container[]

  constructor(sockets: readonly Listener[], recorded: Recorded, containers: readonly Container[]) {
    this.#pids = processesOf(new Set(sockets.flatMap(({ inode }) => inode ?? [])))
    this.#recorded = recorded
    this.#containers = containers
  }

  /**
   * The process that decides whose these sockets are: one of the holder's, if there is one, else a
   * stranger. Undefined if none can be seen.
   */
  of(sockets: readonly Listener[], held?: PortAllocation): CheckedProcess | undefined {
    const pids = new Set(sockets.flatMap(({ inode }) => this.#pids.get(inode ?? 0) ?? []))
    const [socket] = sockets
    const publisher = socket && publisherOf(this.#containers, socket, sockets)?.container
    const checked = [...pids].map((pid) => this.#check(pid, held, publisher))
    return decisive(checked)
  }

  #check(
    pid: number,
    held: PortAllocation | undefined,
    publisher: Container | undefined,
  ): CheckedProcess {
    const described = this.#described.get(pid) ?? describeProcess(pid)
    this.#described.set(pid, described)
    const process = inContainer(described, publisher, this.#containers)
    const { command, directory } = process
    const owner = held ? undefined : this.#recorded.ownerOf(process)
    return {
      pid,
      ...(command !== undefined && { command }),
      ...(directory !== undefined && { directory }),
      ...(process.container && { container: process.container.name }),
      ...(held
        ? this.#recorded.attribute(process, held)
        : { whose: 'unattributed', ...(owner && { owner }) }),
    }
  }
}
