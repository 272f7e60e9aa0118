import type { Container } from '../containers/Container.js'
import { type SeenListener, seenOf } from '../listeners/Sighting.js'
import type { ListeningProcess, PortUse } from './listeningProcesses.js'
import { type Attribution, decisive, type Held, type Recorded, type Whose } from './Recorded.js'

/** A process that listens on a number, and whose it is. */
export interface AttributedProcess extends ListeningProcess, Attribution {
  /** Those on which it listens. `0.0.0.0` and `::` stand for all of their family. */
  readonly addresses: readonly string[]
}

/** A container that publishes a number, and whose it is. */
export interface AttributedContainer extends Container, Attribution {}

/** A socket on a number, and whose it is. */
export interface AttributedSocket extends SeenListener {
  readonly whose: Whose
  /** What decides that. Absent if it cannot be seen. */
  readonly process?: AttributedProcess
  /** The container that publishes the number there. */
  readonly container?: AttributedContainer
}

export interface AttributedUse {
  readonly processes: readonly AttributedProcess[]
  readonly sockets: readonly AttributedSocket[]
}

/**
 * Whose the processes on a number are, and whose each socket is. Processes that share a socket, as the
 * workers of a server do, are judged together. Sockets are judged apart: anyone may listen on another
 * address of the number.
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

/** Whether nothing that has the socket open can be seen. */
export function isUnknown({ process, container }: AttributedSocket): boolean {
  return process === undefined && container === undefined
}

function addressesOf({ pid }: ListeningProcess, { listeners }: Pick<PortUse, 'listeners'>) {
  const own = listeners.filter(({ pids }) => pids.includes(pid))
  return [...new Set(own.map(({ address }) => address))]
}
