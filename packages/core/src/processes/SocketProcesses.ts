import type { Container } from '../containers/Container.js'
import { withContainers } from '../containers/withContainers.js'
import type { Listener } from '../listeners/Listeners.js'
import { type AttributedSocket, attributeUse } from './attributeUse.js'
import { type ListeningProcess, NO_PROCESSES, useAt } from './listeningProcesses.js'
import { type ProcessTable, processesHere } from './ProcessTable.js'
import type { Held, Recorded } from './Recorded.js'

/**
 * The processes that have sockets of this host open, from one reading of all processes. Each
 * process is described only once, because it may have many sockets.
 */
export class SocketProcesses {
  readonly #table: ProcessTable
  readonly #recorded: Recorded
  readonly #containers: readonly Container[]

  private constructor(table: ProcessTable, recorded: Recorded, containers: readonly Container[]) {
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
    return new SocketProcesses(describingOnce(table ?? NO_PROCESSES), recorded, containers)
  }

  /**
   * Attributes the sockets of one number, each with the process that decides.
   * @param sockets all with the same number and protocol
   * @param held undefined if nobody holds the number
   */
  attribute(sockets: readonly Listener[], held: Held | undefined): readonly AttributedSocket[] {
    const [socket] = sockets
    if (!socket) return []
    const { port, protocol } = socket
    const use = withContainers(useAt(sockets, this.#table), port, protocol, this.#containers)
    return attributeUse(use, this.#recorded, held).sockets
  }
}

function describingOnce(table: ProcessTable): ProcessTable {
  const described = new Map<number, ListeningProcess | undefined>()
  return {
    pidsOf: (socket) => table.pidsOf(socket),
    describe(pid) {
      if (!described.has(pid)) described.set(pid, table.describe(pid))
      return described.get(pid)
    },
  }
}
