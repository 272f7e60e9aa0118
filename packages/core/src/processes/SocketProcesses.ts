import type { CheckedProcess } from '../audit/Audit.js'
import type { Listener } from '../listeners/Listeners.js'
import type { PortAllocation } from '../PortAllocation.js'
import { describeProcess, type ListeningProcess, processesOf } from './listeningProcesses.js'
import type { Recorded } from './Recorded.js'

/**
 * The processes that have sockets of this host open, found by one look at all processes. Each process
 * is read once, because one may have many sockets.
 */
export class SocketProcesses {
  readonly #pids: ReadonlyMap<number, readonly number[]>
  readonly #described = new Map<number, ListeningProcess>()
  readonly #recorded: Recorded

  constructor(sockets: readonly Listener[], recorded: Recorded) {
    this.#pids = processesOf(new Set(sockets.flatMap(({ inode }) => inode ?? [])))
    this.#recorded = recorded
  }

  /**
   * The process that decides whose these sockets are: one of the holder's, if there is one, else a
   * stranger. Undefined if none can be seen.
   */
  of(sockets: readonly Listener[], held?: PortAllocation): CheckedProcess | undefined {
    const pids = new Set(sockets.flatMap(({ inode }) => this.#pids.get(inode ?? 0) ?? []))
    const checked = [...pids].map((pid) => this.#check(pid, held))
    const of = (whose: CheckedProcess['whose']) => checked.find((each) => each.whose === whose)
    return of('holder') ?? of('stranger') ?? checked[0]
  }

  #check(pid: number, held: PortAllocation | undefined): CheckedProcess {
    const process = this.#described.get(pid) ?? describeProcess(pid)
    this.#described.set(pid, process)
    const { command, directory } = process
    const owner = held ? undefined : this.#recorded.ownerOf(process)
    return {
      pid,
      ...(command !== undefined && { command }),
      ...(directory !== undefined && { directory }),
      ...(held
        ? this.#recorded.attribute(process, held)
        : { whose: 'unattributed', ...(owner && { owner }) }),
    }
  }
}
