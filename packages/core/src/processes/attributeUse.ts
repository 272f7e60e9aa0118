import type { Container } from '../containers/Container.js'
import { type SeenListener, seenOf } from '../listeners/Sighting.js'
import type { ListeningProcess, PortUse } from './listeningProcesses.js'
import { type Attribution, decisive, type Held, type Recorded, type Whose } from './Recorded.js'

/** A process that listens on a number, with its attribution. */
export interface AttributedProcess extends ListeningProcess, Attribution {
  /** The addresses on which it listens. `0.0.0.0` and `::` stand for all of their family. */
  readonly addresses: readonly string[]
}

/** A container that publishes a number, with its attribution. */
export interface AttributedContainer extends Container, Attribution {}

/** A socket on a number, with its attribution. */
export interface AttributedSocket extends SeenListener {
  readonly whose: Whose
  /** The process that decides the attribution. Absent if no process can be seen. */
  readonly process?: AttributedProcess
  /** The container that publishes the number there. */
  readonly container?: AttributedContainer
}

export interface AttributedUse {
  readonly processes: readonly AttributedProcess[]
  readonly sockets: readonly AttributedSocket[]
}

/**
 * Attributes the processes and the sockets on a number. Processes that share a socket, such as the
 * workers of a server, give it one attribution. Each socket has its own, because another program
 * may listen on another address of the number.
 * @param held undefined if nobody holds the number
 */
export function attributeUse(
  use: Pick<PortUse, 'processes' | 'listeners'>,
  recorded: Recorded,
  held: Held | undefined,
): AttributedUse {
  const processes = use.processes.map((process) => ({
    ...process,
    ...recorded.attribute(process, held),
    addresses: addressesOf(process, use),
  }))
  const sockets = use.listeners.map(({ pids, container, ...seen }): AttributedSocket => {
    const process = decisive(processes.filter(({ pid }) => pids.includes(pid)))
    const published = container && { ...container, ...recorded.attribute({ container }, held) }
    return {
      ...seenOf(seen),
      whose: (process ?? published)?.whose ?? 'unattributed',
      ...(process && { process }),
      ...(published && { container: published }),
    }
  })
  return { processes, sockets }
}

/** Whether neither a process that has the socket open nor a container behind it can be seen. */
export function isUnknown({ process, container }: AttributedSocket): boolean {
  return process === undefined && container === undefined
}

function addressesOf({ pid }: ListeningProcess, { listeners }: Pick<PortUse, 'listeners'>) {
  const own = listeners.filter(({ pids }) => pids.includes(pid))
  return [...new Set(own.map(({ address }) => address))]
}
