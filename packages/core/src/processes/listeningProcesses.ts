import { distinct, type Listener } from '../listeners/Listeners.js'
import { readListeningSockets } from '../listeners/procNet.js'
import type { SeenListener } from '../listeners/Sighting.js'
import type { Protocol } from '../PortAllocation.js'
import {
  commandLine,
  openSockets,
  processTree,
  startTimeOf,
  userOf,
  visiblePids,
  workingDirectory,
} from './procFs.js'

/** A socket on which a process listens. */
export interface OwnListener {
  readonly port: number
  /** `0.0.0.0` and `::` stand for all addresses of their family. */
  readonly address: string
}

/** A process that listens, with what this one may know of it. */
export interface ListeningProcess {
  readonly pid: number
  readonly command?: string
  readonly directory?: string
  /** To the second. */
  readonly startedAt?: Date
  readonly uid?: number
}

/**
 * The sockets on which a process and its descendants listen now. Undefined if they cannot be seen,
 * as on every system other than Linux.
 */
export async function listenersOfTree(
  root: number,
  protocol: Protocol,
): Promise<OwnListener[] | undefined> {
  const sockets = await readSockets(protocol)
  if (!sockets) return undefined
  const open = new Set([...processTree(root)].flatMap(openSockets))
  return sockets
    .filter(({ inode }) => inode !== undefined && open.has(inode))
    .map(({ port, address }) => ({ port, address }))
}

/** What listens on a port. */
export interface PortUse {
  readonly isInUse: boolean
  /** The sockets there, by address and user. */
  readonly listeners: readonly SeenListener[]
  /** The processes that this one may inspect: all for root, else those of its own user. */
  readonly processes: readonly ListeningProcess[]
  /** Whether a socket there belongs to none of these processes. */
  readonly hasUnknownProcess: boolean
}

/**
 * What listens on a port of this host now. Undefined if that cannot be seen, as on every system
 * other than Linux.
 */
export async function useOfPort(port: number, protocol: Protocol): Promise<PortUse | undefined> {
  const sockets = await readSockets(protocol)
  return sockets && useAmong(sockets, port)
}

/** What listens on a port, according to the listening sockets of its protocol. */
export function useAmong(sockets: readonly Listener[], port: number): PortUse {
  const there = sockets.filter((each) => each.port === port)
  const owners = processesOf(new Set(there.flatMap(({ inode }) => inode ?? [])))
  return {
    isInUse: there.length > 0,
    listeners: distinct(there),
    processes: [...new Set([...owners.values()].flat())].map(describeProcess),
    hasUnknownProcess: there.some(({ inode }) => inode === undefined || !owners.has(inode)),
  }
}

/** The processes that have these sockets open and may be inspected, by inode. */
export function processesOf(inodes: ReadonlySet<number>): Map<number, number[]> {
  const owners = new Map<number, number[]>()
  if (inodes.size === 0) return owners
  for (const pid of visiblePids()) {
    for (const inode of openSockets(pid)) {
      if (inodes.has(inode)) owners.set(inode, [...(owners.get(inode) ?? []), pid])
    }
  }
  return owners
}

/** A TCP port on which something listens. */
export interface HostListener {
  readonly port: number
  /** The process with the lowest pid of those that have the socket open and may be inspected. */
  readonly process?: ListeningProcess
}

/**
 * The TCP ports of this host on which something listens now, in order. Undefined if they cannot be
 * seen, as on every system other than Linux. UDP is left out, because the socket of a client looks
 * like that of a server.
 */
export async function listenersOfHost(): Promise<HostListener[] | undefined> {
  const sockets = await readSockets('tcp')
  if (!sockets) return undefined
  const pids = new Map<number, number>()
  for (const pid of visiblePids().sort((one, other) => one - other)) {
    for (const inode of openSockets(pid)) if (!pids.has(inode)) pids.set(inode, pid)
  }
  const ports = [...new Set(sockets.map(({ port }) => port))].sort((one, other) => one - other)
  return ports.map((port) => {
    const open = sockets.filter((socket) => socket.port === port && pids.has(socket.inode ?? 0))
    const pid = Math.min(...open.map(({ inode }) => pids.get(inode!)!))
    return { port, ...(open.length > 0 && { process: describeProcess(pid) }) }
  })
}

export function describeProcess(pid: number): ListeningProcess {
  const command = commandLine(pid)
  const directory = workingDirectory(pid)
  const startedAt = startTimeOf(pid)
  const uid = userOf(pid)
  return {
    pid,
    ...(command && { command }),
    ...(directory && { directory }),
    ...(startedAt && { startedAt }),
    ...(uid !== undefined && { uid }),
  }
}

/** The listening sockets of a protocol. Undefined if they cannot be seen. */
export async function readSockets(protocol: Protocol): Promise<Listener[] | undefined> {
  return process.platform === 'linux' ? readListeningSockets(protocol) : undefined
}
