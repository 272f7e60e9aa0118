import type { Checkout } from '../CheckoutStore.js'
import type { PortAllocation, Service } from '../PortAllocation.js'
import type { RecordedProcess } from '../ProcessStore.js'
import { isInside } from '../project/isInside.js'
import { isOfCheckout } from '../project/isOfCheckout.js'
import type { ListeningProcess } from './listeningProcesses.js'
import { type Lineage, processesHere } from './ProcessTable.js'

/**
 * Whose a listener on a number is:
 * - `holder`: its process or its directory matches the holder's records.
 * - `stranger`: the records contradict that it is the holder's.
 * - `unattributed`: nothing is recorded, or the process cannot be seen, or nobody holds the number.
 *   The number is in use, which is no conflict.
 */
export const WHOSE = ['holder', 'stranger', 'unattributed'] as const
export type Whose = (typeof WHOSE)[number]

/** An instance of a project. The service is set if the registry has a record of the process. */
export type Owner = Pick<Service, 'projectName' | 'instance'> & Partial<Service>

export interface Attribution {
  readonly whose: Whose
  /** Absent if nothing recorded shows whose the process is. */
  readonly owner?: Owner
}

/** A process, or a container whose processes cannot be seen. */
type Listening = Partial<ListeningProcess>

export type Held = Pick<PortAllocation, 'id' | 'projectName' | 'serviceName' | 'instance'>

/** The registry's records of the processes of one host, and of the directories of its projects. */
export class Recorded {
  readonly #checkouts: readonly Checkout[]
  readonly #processes: readonly RecordedProcess[]
  #lineage: Lineage | undefined

  constructor(checkouts: readonly Checkout[], processes: readonly RecordedProcess[]) {
    this.#checkouts = checkouts
    this.#processes = processes
  }

  /**
   * Attributes a process or container that listens on a number of this host.
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
    // The path of a deleted directory may have been another checkout's, or it was moved from there.
    if (!started && place?.isDeleted) return { whose: 'unattributed' }
    return { whose: 'holder', owner }
  }

  /** The nearest recorded process among this process and its ancestors. */
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
   * used: a command may have left the checkout before it was recorded, and the directory that it
   * changed to may be one in which other processes run.
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

  /**
   * Whether the holder's checkout is recorded. A process outside of recorded checkouts then runs
   * elsewhere.
   */
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
 * The directory that tells which project a process belongs to. For a process in a container, or the
 * runtime that publishes its port, this is the directory of the Compose file, not the working
 * directory. The root directory does not count, because daemons change to it.
 */
function placeOf(process: Listening): Place | undefined {
  const { container, deletedDirectory } = process
  const place = container ? container.composeDirectory : (process.directory ?? deletedDirectory)
  if (place === undefined || place === '/') return undefined
  return { directory: place, isDeleted: !container && deletedDirectory !== undefined }
}

/**
 * Whether a process of that owner may be the holder's. An owner known only by its directory has no
 * service and matches every service.
 */
function isOf({ projectName, serviceName, instance }: Owner, held: Held): boolean {
  return (
    projectName === held.projectName &&
    instance === held.instance &&
    (serviceName ?? held.serviceName) === held.serviceName
  )
}

/**
 * The process that decides the attribution of the socket that all of these share: one of the
 * holder's, else a stranger, else the first.
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
