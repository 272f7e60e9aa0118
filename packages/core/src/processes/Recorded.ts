import type { Checkout } from '../CheckoutStore.js'
import type { PortAllocation, Service } from '../PortAllocation.js'
import type { RecordedProcess } from '../ProcessStore.js'
import { isInside } from '../project/isInside.js'
import { isOfCheckout } from '../project/isOfCheckout.js'
import type { ListeningProcess } from './listeningProcesses.js'
import { type Lineage, processesHere } from './ProcessTable.js'

/**
 * Whose a listener on a held number is:
 * - `holder`: its process or its directory is what is recorded of the holder.
 * - `stranger`: what is recorded contradicts that.
 * - `unattributed`: nothing is recorded, or nothing can be seen. The number is in use, no more.
 */
export const WHOSE = ['holder', 'stranger', 'unattributed'] as const
export type Whose = (typeof WHOSE)[number]

/** A copy of a project. Of a process that the registry knows, also the service. */
export type Owner = Pick<Service, 'projectName' | 'instance'> & Partial<Service>

export interface Attribution {
  readonly whose: Whose
  /** To whom the process belongs, if that is recorded. */
  readonly owner?: Owner
}

/** A process, or a container whose processes cannot be seen. */
type Listening = Partial<ListeningProcess>

export type Held = Pick<PortAllocation, 'id' | 'projectName' | 'serviceName' | 'instance'>

/** What the registry records of the processes of one host, and of the directories of its projects. */
export class Recorded {
  readonly #checkouts: readonly Checkout[]
  readonly #processes: readonly RecordedProcess[]
  #lineage: Lineage | undefined

  constructor(checkouts: readonly Checkout[], processes: readonly RecordedProcess[]) {
    this.#checkouts = checkouts
    this.#processes = processes
  }

  /**
   * Whose a process is that listens on a number of this host.
   * @param held undefined if nobody holds the number
   */
  attribute(process: Listening, held: Held | undefined): Attribution {
    const started = this.#startedAbove(process)
    const place = placeOf(process)
    const owner = started ? serviceOf(started) : this.#ownerAt(place)
    if (!held) return { whose: 'unattributed', ...(owner && { owner }) }
    if (!owner) {
      const isStranger = place !== undefined && this.#hasPlace(held)
      return { whose: isStranger ? 'stranger' : 'unattributed' }
    }
    if (!isOf(owner, held)) return { whose: 'stranger', owner }
    // The directory may have been another checkout's, or moved away from there.
    if (!started && place?.isDeleted) return { whose: 'unattributed' }
    return { whose: 'holder', owner }
  }

  /** The nearest of the recorded processes from which this one descends, itself included. */
  #startedAbove({ pid }: Listening): RecordedProcess | undefined {
    if (pid === undefined || this.#processes.length === 0) return undefined
    this.#lineage ??= processesHere()?.readLineage()
    const { ancestorsOf, startedOf } = this.#lineage ?? NO_LINEAGE
    for (const above of ancestorsOf(pid)) {
      const recorded = this.#processes.filter((each) => each.pid === above)
      const started = recorded.length > 0 ? startedOf(above) : undefined
      const found = recorded.find((each) => each.started === started)
      if (found) return found
    }
    return undefined
  }

  /**
   * The project in whose checkout a process runs. The directories of recorded processes are not
   * asked: a command may have left the checkout before it was recorded, and others run where it went.
   */
  #ownerAt(place: Place | undefined): Owner | undefined {
    if (!place) return undefined
    const { directory } = place
    const [nearest] = this.#checkouts
      .filter((each) => each.directory !== '/' && isInside(directory, each.directory))
      // One checkout may be inside another.
      .sort((one, other) => other.directory.length - one.directory.length)
    if (!nearest || !isOfCheckout(directory, nearest.directory)) return undefined
    return { projectName: nearest.projectName, instance: nearest.instance }
  }

  /** Whether it is recorded in which checkout the holder runs. Others then run elsewhere. */
  #hasPlace({ id, projectName, instance }: Held): boolean {
    const isStarted = this.#processes.some((each) => each.allocationId === id)
    return this.#checkouts.some((each) => {
      if (each.allocationIds.includes(id)) return true
      const isCopy = each.projectName === projectName && each.instance === instance
      return isCopy && (instance !== '' || isStarted)
    })
  }
}

const NO_LINEAGE: Lineage = { ancestorsOf: () => [], startedOf: () => undefined }

interface Place {
  readonly directory: string
  readonly isDeleted: boolean
}

/**
 * Where a process runs. Of one in a container, or of the runtime that publishes its port, the working
 * directory is not that of the project; the directory of its Compose file is. The root tells nothing:
 * daemons leave the directory in which they were started for it.
 */
function placeOf(process: Listening): Place | undefined {
  const { container, deletedDirectory } = process
  const place = container ? container.composeDirectory : (process.directory ?? deletedDirectory)
  if (place === undefined || place === '/') return undefined
  return { directory: place, isDeleted: !container && deletedDirectory !== undefined }
}

/** Whether a process of that owner may be the holder's. A directory does not tell the service. */
function isOf({ projectName, serviceName, instance }: Owner, held: Held): boolean {
  return (
    projectName === held.projectName &&
    instance === held.instance &&
    (serviceName ?? held.serviceName) === held.serviceName
  )
}

/**
 * The process that decides whose a socket is, of those that share it: one of the holder's, else a
 * stranger.
 */
export function decisive<Attributed extends Pick<Attribution, 'whose'>>(
  all: readonly Attributed[],
): Attributed | undefined {
  const of = (whose: Whose) => all.find((each) => each.whose === whose)
  return of('holder') ?? of('stranger') ?? all[0]
}

function serviceOf({ projectName, serviceName, instance }: RecordedProcess): Owner {
  return { projectName, serviceName, instance }
}
