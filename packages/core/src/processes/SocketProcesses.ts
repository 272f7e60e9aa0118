import type { CheckedProcess } from '../audit/Audit.js'
import type { Container } from '../containers/Container.js'
import { publisherOf } from '../containers/publisherOf.js'
import { inContainer } from '../containers/withContainers.js'
import type { Listener } from '../listeners/Listeners.js'
import type { PortAllocation } from '../PortAllocation.js'
import type { ListeningProcess } from './listeningProcesses.js'
import { type ProcessTable, processesHere } from './ProcessTable.js'
import { decisive, type Recorded } from './Recorded.js'

/**
 * The processes that have sockets of this host open, found by one look at all processes. Each process
 * is read once, because one may have many sockets.
 */
export class SocketProcesses {
  readonly #table: ProcessTable | undefined
  readonly #described = new Map<number, ListeningProcess | undefined>()
  readonly #recorded: Recorded
  readonly #containers: readonly Container[]

  private constructor(
    table: ProcessTable | undefined,
    recorded: Recorded,
    containers: readonly Container[],
  ) {
    this.#table = table
    this.#recorded = recorded
    this.#containers = containers
  }

  static async of(
    sockets: readonly Listener[],
    recorded: Recorded,
    containers: readonly Container[],
  ): Promise<SocketProcesses> {
    const table = sockets.length > 0 ? await processesHere()?.readTable(sockets) : undefined
    return new SocketProcesses(table, recorded, containers)
  }

  /**
   * The process that decides whose these sockets are: one of the holder's, if there is one, else a
   * stranger. Undefined if none can be seen.
   */
  of(sockets: readonly Listener[], held?: PortAllocation): CheckedProcess | undefined {
    const pids = new Set(sockets.flatMap((each) => this.#table?.pidsOf(each) ?? []))
    const [socket] = sockets
    const publisher = socket && publisherOf(this.#containers, socket, sockets)?.container
    const checked = [...pids].flatMap((pid) => {
      const process = this.#describe(pid)
      return process ? this.#check(process, held, publisher) : []
    })
    return decisive(checked)
  }

  #describe(pid: number): ListeningProcess | undefined {
    if (!this.#described.has(pid)) this.#described.set(pid, this.#table?.describe(pid))
    return this.#described.get(pid)
  }

  #check(
    described: ListeningProcess,
    held: PortAllocation | undefined,
    publisher: Container | undefined,
  ): CheckedProcess {
    const process = inContainer(described, publisher, this.#containers)
    const { command, directory } = process
    const owner = held ? undefined : this.#recorded.ownerOf(process)
    return {
      pid: process.pid,
      ...(command !== undefined && { command }),
      ...(directory !== undefined && { directory }),
      ...(process.container && { container: process.container.name }),
      ...(held
        ? this.#recorded.attribute(process, held)
        : { whose: 'unattributed', ...(owner && { owner }) }),
    }
  }
}
