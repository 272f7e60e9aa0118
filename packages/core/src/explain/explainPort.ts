import { contains } from '../bounds.js'
import type { CallOptions } from '../CallOptions.js'
import type { Checkout } from '../CheckoutStore.js'
import { PortsError } from '../errors.js'
import { distinct } from '../listeners/Listeners.js'
import type { Sighting } from '../listeners/Sighting.js'
import type { PortAllocation, Scope } from '../PortAllocation.js'
import type { PortRepository } from '../PortRepository.js'
import type { PassedOver } from '../passedOver/PassedOver.js'
import { printable } from '../printable.js'
import { type AttributedSocket, attributeUse, isUnknown } from '../processes/attributeUse.js'
import type { PortUse } from '../processes/listeningProcesses.js'
import { Recorded } from '../processes/Recorded.js'
import { isOfScope } from '../reservation/isOfScope.js'
import type { ExplainedContainer, ExplainedListener, Explanation, Holder } from './Explanation.js'
import { summarize } from './summarize.js'

/** The state of a number on its host, as this process sees it. */
export interface Look {
  readonly sighting: Sighting
  /** Undefined if the processes cannot be seen. */
  readonly use: PortUse | undefined
  readonly passedOver: PassedOver
}

interface Target extends Scope {
  readonly port: number
}

/** The number of changes that are shown. */
const MAX_HISTORY = 5
/** The number of changes that are searched for the one that made the allocation. */
const HISTORY_SEARCH = 100

/**
 * Collects all that is known of one number in one scope.
 * @param store if there is no registry, the error that says so
 * @throws {PortsError} the errors of the store
 */
export async function explainPort(
  store: PortRepository | PortsError,
  target: Target,
  { sighting, use, passedOver }: Look,
  call: CallOptions,
): Promise<Explanation> {
  const isThere = !(store instanceof PortsError)
  const known = isThere ? await readKnown(store, target, call) : NOTHING_KNOWN
  const { recorded, ...facts } = known
  const { holder } = facts
  const { processes, sockets } = attributeUse(usedOf(sighting, use), recorded, holder)
  const reason = passedOver.otherReasonFor(target.port)
  const explained = {
    ...(!isThere && { noRegistry: store.message }),
    verdict: sighting.verdict,
    ...(sighting.verdict === 'unknown' && { reason: sighting.reason }),
    ...(sighting.verdict === 'not-listening' && sighting.heldBy && { heldBy: sighting.heldBy }),
    listeners: distinct(sockets.map(listenerOf)),
    processes,
    hasUnknownProcess: sighting.verdict === 'listening' && (use ? sockets.some(isUnknown) : true),
    containers: containersOf(sockets, use, recorded, holder),
    unreachable: use?.unreachable ?? [],
    ...(reason && { passedOver: reason }),
    ...facts,
  }
  // The owner of a process chooses the name of its directory, which may contain control characters.
  const summary = printable(summarize({ ...target, ...explained }, sockets))
  return { ...target, summary, ...explained }
}

/**
 * The sockets of the sighting, with the processes and containers that were seen to have them open.
 */
function usedOf(
  { listeners = [] }: Sighting,
  use: PortUse | undefined,
): Pick<PortUse, 'processes' | 'listeners'> {
  if (!use) return { processes: [], listeners: listeners.map((each) => ({ ...each, pids: [] })) }
  const addresses = listeners.map(({ address }) => address)
  const there = use.listeners.filter(({ address }) => addresses.includes(address))
  return {
    listeners: there,
    processes: use.processes.filter(({ pid }) => there.some(({ pids }) => pids.includes(pid))),
  }
}

function listenerOf(socket: AttributedSocket): ExplainedListener {
  const { process: _, container: __, ...listener } = socket
  return { ...listener, ...(isUnknown(socket) && { isUnknown: true }) }
}

/** Several containers may publish one number, each on another address. */
function containersOf(
  sockets: readonly AttributedSocket[],
  use: PortUse | undefined,
  recorded: Recorded,
  holder: Holder | undefined,
): ExplainedContainer[] {
  const { container } = use ?? {}
  if (container && sockets.length === 0) {
    return [{ ...container, ...recorded.attribute({ container }, holder), addresses: [] }]
  }
  const byId = new Map<string, ExplainedContainer>()
  for (const { container, address } of sockets) {
    if (!container) continue
    const addresses = byId.get(container.id)?.addresses ?? []
    byId.set(container.id, { ...container, addresses: [...new Set([...addresses, address])] })
  }
  return [...byId.values()]
}

type Known = Pick<
  Explanation,
  'range' | 'holder' | 'elsewhere' | 'reservations' | 'resting' | 'health' | 'history'
> & { readonly recorded: Recorded }

const NOTHING_KNOWN: Known = {
  elsewhere: [],
  reservations: [],
  history: [],
  recorded: new Recorded([], []),
}

async function readKnown(
  store: PortRepository,
  { port, hostname, protocol }: Target,
  call: CallOptions,
): Promise<Known> {
  // The queries run one after the other. Concurrent ones would each open a connection, which takes
  // longer than a query.
  const { allocations } = await store.list({ portNumber: port }, call)
  const ranges = await store.listRanges(call)
  const reservations = await store.listReservations(call)
  const atRest = await store.listResting({ portNumber: port, hostname }, call)
  const checkouts = await store.listCheckouts({ hostname }, call)
  const processes = await store.listProcesses(hostname, call)
  const { events } = await store.history({ portNumber: port, limit: HISTORY_SEARCH }, call)
  const isHere = (each: PortAllocation) => each.hostname === hostname && each.protocol === protocol
  const held = allocations.find(isHere)
  const range = ranges.find(
    (each) => contains(each, port) && (each.hostname ?? hostname) === hostname,
  )
  const resting = atRest.find((each) => each.protocol === protocol)
  const health = held && (await store.healthOf([held.id], call)).get(held.id)
  const holder = held && {
    ...held,
    ...actorOf(held, events),
    ...directoryOf(held, checkouts, processes),
  }
  return {
    ...(range && { range }),
    ...(holder && { holder }),
    elsewhere: allocations.filter((each) => !isHere(each)),
    reservations: reservations.filter(
      (each) => contains(each, port) && isOfScope(each, { hostname, protocol }),
    ),
    ...(resting && { resting }),
    ...(health && { health }),
    history: events.filter((each) => isOfScope(each, { hostname, protocol })).slice(0, MAX_HISTORY),
    recorded: new Recorded(checkouts, processes),
  }
}

type History = Awaited<ReturnType<PortRepository['history']>>['events']

function actorOf({ id }: PortAllocation, events: History): Pick<Holder, 'actor'> {
  // The oldest event of an allocation is the one that made it.
  const made = events.findLast(({ allocationId }) => allocationId === id)
  return made?.actor === undefined ? {} : { actor: made.actor }
}

function directoryOf(
  { id, projectName, instance }: PortAllocation,
  checkouts: readonly Checkout[],
  processes: Awaited<ReturnType<PortRepository['listProcesses']>>,
): Pick<Holder, 'directory'> {
  const process = processes.find(({ allocationId }) => allocationId === id)
  const isCopy = (each: Checkout) => each.projectName === projectName && each.instance === instance
  const checkout =
    checkouts.find(isCopy) ?? checkouts.find(({ allocationIds }) => allocationIds.includes(id))
  // A process may have changed its directory before it was recorded.
  const directory = checkout?.directory ?? process?.directory
  return directory === undefined ? {} : { directory }
}
