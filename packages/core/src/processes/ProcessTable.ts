import type { Listener } from '../listeners/Listeners.js'
import type { Protocol } from '../PortAllocation.js'
import type { ListeningProcess } from './listeningProcesses.js'
import { lsofProcesses, MACOS_PROGRAMS } from './lsofProcesses.js'
import { procProcesses } from './procProcesses.js'

/** The processes that have sockets of this host open, from one reading of all processes. */
export interface ProcessTable {
  /** The processes that this one may inspect: all for root, otherwise those of its own user. */
  pidsOf(socket: Listener): readonly number[]
  /** Undefined if the process has ended since, or its pid was reused. */
  describe(pid: number): ListeningProcess | undefined
}

/** The ancestors of processes. */
export interface Lineage {
  /** The process and those that started it, nearest first. */
  ancestorsOf(pid: number): readonly number[]
  /** A start mark that detects a reused pid. Undefined if the process is gone. */
  startedOf(pid: number): string | undefined
}

interface IdentifiedProcess extends ListeningProcess {
  /** The start mark of `Lineage.startedOf`, which detects a reused pid. */
  readonly started: string
}

/** The processes of a host, as its system shows them. No method throws. */
export interface HostProcesses {
  /** The listening sockets of a protocol. Undefined if they cannot be seen. */
  readSockets(protocol: Protocol): Promise<readonly Listener[] | undefined>
  /** The processes that have these sockets open. Undefined if they cannot be determined. */
  readTable(sockets: readonly Listener[]): Promise<ProcessTable | undefined>
  /**
   * Those of these sockets that a process or its descendants have open. Undefined if that cannot be
   * determined.
   */
  readSocketsOfTree(
    root: number,
    sockets: readonly Listener[],
  ): Promise<readonly Listener[] | undefined>
  /** Undefined if the process is gone or cannot be identified. */
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
