import type { Container } from '../containers/Container.js'
import type { UnreachableSocket } from '../containers/readContainers.js'
import type { Listener } from '../listeners/Listeners.js'
import { type SeenListener, seenOf } from '../listeners/Sighting.js'
import type { Protocol } from '../PortAllocation.js'
import { type ProcessTable, processesHere } from './ProcessTable.js'

/** A socket on which a process listens. */
export interface OwnListener {
  readonly port: number
  /** `0.0.0.0` and `::` stand for all addresses of their family. */
  readonly address: string
}

/** A process that listens. Facts that this process may not see are absent. */
export interface ListeningProcess {
  readonly pid: number
  readonly command?: string
  /**
   * Its working directory. Absent for a process that forwards to a container, because it has the
   * directory of the program that started the container.
   */
  readonly directory?: string
  /** The former path of its working directory, if that was deleted. Another may be there now. */
  readonly deletedDirectory?: string
  /** On macOS, with a resolution of one second. */
  readonly startedAt?: Date
  readonly uid?: number
  /** The container that it runs in, or whose port it publishes. */
  readonly container?: Container
}

/**
 * The sockets on which a process and its descendants listen now. Undefined if they cannot be seen,
 * as on every system other than Linux and macOS.
 */
export async function listenersOfTree(
  root: number,
  protocol: Protocol,
): Promise<OwnListener[] | undefined> {
  const sockets = await readSockets(protocol)
  const own = sockets && (await processesHere()?.readSocketsOfTree(root, sockets))
  return own?.map(({ port, address }) => ({ port, address }))
}

/** A socket on a port, with the processes that have it open. */
export interface UsedListener extends SeenListener {
  /** The processes that share it and that this one may inspect. */
  readonly pids: readonly number[]
  /** The container that publishes the port there. */
  readonly container?: Container
}

/** What listens on a port. */
export interface PortUse {
  readonly isInUse: boolean
  /** The sockets there. Several may have one address (SO_REUSEPORT). */
  readonly listeners: readonly UsedListener[]
  /** Those that this process may inspect: all for root, otherwise those of its own user. */
  readonly processes: readonly ListeningProcess[]
  /** Whether a socket there belongs to none of these processes. */
  readonly hasUnknownProcess: boolean
  /** The container that publishes the port. */
  readonly container?: Container
  /** The sockets of container runtimes that did not answer. Absent if there are none. */
  readonly unreachable?: readonly UnreachableSocket[]
}

/**
 * What listens on a port of this host now. Undefined if that cannot be seen, as on every system
 * other than Linux and macOS.
 */
export async function useOfPort(port: number, protocol: Protocol): Promise<PortUse | undefined> {
  const sockets = await readSockets(protocol)
  return sockets && useAmong(sockets, port)
}

/**
 * What listens on a port, according to the listening sockets of its protocol. Undefined if
 * something listens and the processes cannot be seen.
 */
export async function useAmong(
  sockets: readonly Listener[],
  port: number,
): Promise<PortUse | undefined> {
  const there = sockets.filter((each) => each.port === port)
  if (there.length === 0) return useAt([], NO_PROCESSES)
  const table = await processesHere()?.readTable(there)
  return table && useAt(there, table)
}

export const NO_PROCESSES: ProcessTable = { pidsOf: () => [], describe: () => undefined }

/** What listens on the port of these sockets. */
export function useAt(sockets: readonly Listener[], table: ProcessTable): PortUse {
  const described = new Map<number, ListeningProcess>()
  for (const pid of new Set(sockets.flatMap((socket) => table.pidsOf(socket)))) {
    const process = table.describe(pid)
    if (process) described.set(pid, process)
  }
  const listeners = sockets.map((socket) => ({
    ...seenOf(socket),
    pids: table.pidsOf(socket).filter((pid) => described.has(pid)),
  }))
  return {
    isInUse: sockets.length > 0,
    listeners,
    processes: [...described.values()],
    hasUnknownProcess: listeners.some(({ pids }) => pids.length === 0),
  }
}

/** A TCP port on which something listens. */
export interface HostListener {
  readonly port: number
  /** The process with the lowest pid of those that have the socket open and may be inspected. */
  readonly process?: ListeningProcess
}

/**
 * The TCP ports of this host on which something listens now, in ascending order. Undefined if they
 * cannot be seen, as on every system other than Linux and macOS. UDP is left out, because a
 * client's socket looks like a server's.
 */
export async function listenersOfHost(): Promise<HostListener[] | undefined> {
  const sockets = await readSockets('tcp')
  const table = sockets && (await processesHere()?.readTable(sockets))
  if (!table) return undefined
  const pids = new Map<number, Set<number>>()
  for (const socket of sockets) {
    const there = pids.get(socket.port) ?? new Set()
    pids.set(socket.port, there)
    for (const pid of table.pidsOf(socket)) there.add(pid)
  }
  const byNumber = (one: number, other: number) => one - other
  return [...pids.keys()].toSorted(byNumber).map((port) => {
    const process = firstOf([...pids.get(port)!].toSorted(byNumber), table)
    return { port, ...(process && { process }) }
  })
}

/**
 * The first process that has not ended. A server may have many workers, so the others are not read.
 */
function firstOf(pids: readonly number[], table: ProcessTable): ListeningProcess | undefined {
  for (const pid of pids) {
    const process = table.describe(pid)
    if (process) return process
  }
  return undefined
}

/** The listening sockets of a protocol. Undefined if they cannot be seen. */
export async function readSockets(protocol: Protocol): Promise<readonly Listener[] | undefined> {
  return processesHere()?.readSockets(protocol)
}
