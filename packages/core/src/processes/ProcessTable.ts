import type { Listener } from '../listeners/Listeners.js'
import type { Protocol } from '../PortAllocation.js'
import type { ListeningProcess } from './listeningProcesses.js'
import { lsofProcesses, MACOS_PROGRAMS } from './lsofProcesses.js'
import { procProcesses } from './procProcesses.js'

/** The processes that have sockets of this host open, by one look at all of them. */
export interface ProcessTable {
  /** Those that this process may inspect: all for root, else those of its own user. */
  pidsOf(socket: Listener): readonly number[]
  /** Undefined if it has ended since, or its pid was given again. */
  describe(pid: number): ListeningProcess | undefined
}

/** From which processes others descend. */
export interface Lineage {
  /** The process and those that started it, nearest first. */
  ancestorsOf(pid: number): readonly number[]
  /** What tells a pid that was given again. Undefined if it is gone. */
  startedOf(pid: number): string | undefined
}

interface IdentifiedProcess extends ListeningProcess {
  /** What tells a pid that was given again, as in a `Lineage`. */
  readonly started: string
}

/** How a system shows its processes. None of this throws. */
export interface HostProcesses {
  /** The listening sockets of a protocol. Undefined if they cannot be seen. */
  readSockets(protocol: Protocol): Promise<readonly Listener[] | undefined>
  /** Who has these sockets open. Undefined if that cannot be found out. */
  readTable(sockets: readonly Listener[]): Promise<ProcessTable | undefined>
  /** Those of these sockets that a process or its descendants have open. Undefined as above. */
  readSocketsOfTree(
    root: number,
    sockets: readonly Listener[],
  ): Promise<readonly Listener[] | undefined>
  /** What identifies a process. Undefined if it is gone, or cannot be identified. */
  identify(pid: number): Promise<IdentifiedProcess | undefined>
  /** Empty if the processes cannot be seen. */
  readLineage(): Lineage
}

/** Undefined on systems that do not show which process has a socket open. */
export function processesHere(): HostProcesses | undefined {
  switch (process.platform) {
    case 'linux':
      return procProcesses
    case 'darwin':
      return lsofProcesses(MACOS_PROGRAMS)
  }
}
