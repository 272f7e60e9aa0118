import type { Checkout } from '../CheckoutStore.js'
import type { PortAllocation, Service } from '../PortAllocation.js'
import type { RecordedProcess } from '../ProcessStore.js'
import { isInside } from '../project/isInside.js'
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
    const owner = this.ownerOf(process)
    if (!held) return { whose: 'unattributed', ...(owner && { owner }) }
    if (owner) return { whose: isOf(owner, held) ? 'holder' : 'stranger', owner }
    return { whose: this.#isElsewhere(process, held) ? 'stranger' : 'unattributed' }
  }

  /**
   * The service of which a process descends, else the project in whose directory it runs. Undefined if
   * neither is recorded.
   */
  ownerOf({ pid, ...process }: Listening): Owner | undefined {
    const directory = placeOf(process)
    const started = pid === undefined ? undefined : this.#startedAbove(pid)
    if (started) return serviceOf(started)
    return tellsNothing(directory) ? undefined : this.#nearestTo(directory)
  }

  /** The nearest of the recorded processes from which this one descends, itself included. */
  #startedAbove(pid: number): RecordedProcess | undefined {
    if (this.#processes.length === 0) return undefined
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

  #nearestTo(directory: string): Owner | undefined {
    const homes = [...this.#checkouts, ...this.#processes.filter(hasDirectory)]
    const [nearest] = homes
      .filter((each) => !tellsNothing(each.directory) && isInside(directory, each.directory))
      // One checkout may be inside another.
      .sort((one, other) => other.directory.length - one.directory.length)
    return nearest && { projectName: nearest.projectName, instance: nearest.instance }
  }

  /** Whether the holder's directory is recorded, and the process runs outside of it. */
  #isElsewhere(process: Listening, { id, projectName, instance }: Held): boolean {
    if (tellsNothing(placeOf(process)) || forwards(process)) return false
    const isMadeHere = (each: Checkout) => each.instance !== '' || each.allocationIds.includes(id)
    return (
      this.#processes.some((each) => each.allocationId === id && hasDirectory(each)) ||
      this.#checkouts.some(
        (each) =>
          each.projectName === projectName && each.instance === instance && isMadeHere(each),
      )
    )
  }
}

/** The processes of Docker and Podman that have a published port of a container open. */
const FORWARDER = /^(?:\S*\/)?(?:conmon|docker-proxy|rootlessport)(?: |$)/

/**
 * Whether it forwards to a container that cannot be seen. It runs in whatever directory the container was
 * started from.
 */
function forwards({ command, container }: Listening): boolean {
  return container === undefined && command !== undefined && FORWARDER.test(command)
}

const NO_LINEAGE: Lineage = { ancestorsOf: () => [], startedOf: () => undefined }

/**
 * Where a process runs. Of one in a container, or of the runtime that publishes its port, the working
 * directory is not that of the project; the directory of its Compose file is.
 */
function placeOf({ directory, container }: Listening): string | undefined {
  return container ? container.composeDirectory : directory
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

/** Daemons leave the directory in which they were started for the root. */
function tellsNothing(directory: string | undefined): directory is undefined {
  return directory === undefined || directory === '/'
}

function hasDirectory(
  process: RecordedProcess,
): process is RecordedProcess & { readonly directory: string } {
  return process.directory !== undefined
}

function serviceOf({ projectName, serviceName, instance }: RecordedProcess): Owner {
  return { projectName, serviceName, instance }
}
