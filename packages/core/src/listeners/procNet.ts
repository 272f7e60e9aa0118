import { open, readFile } from 'node:fs/promises'
import { canonicalAddress } from '../hostname.js'
import type { Protocol } from '../PortAllocation.js'
import { unmappedUid } from '../unmappedUid.js'
import type { ConnectionEnd, Listener, SocketTable } from './Listeners.js'

/** TCP_LISTEN of the kernel's include/net/tcp_states.h. */
const LISTEN = '0A'

/** Every kernel that fills the tables prints their first line, even if there is no socket. */
const HEADER = /^ *sl +local_address /

const ROW =
  /^ *\d+: (?<address>[\dA-F]{8}|[\dA-F]{32}):(?<port>[\dA-F]{4}) \S+ (?<state>[\dA-F]{2}) \S+ \S+ \S+ +(?<uid>\d+) +\d+ (?<inode>\d+) /

/**
 * The sockets of this process's network namespace on Linux, or undefined if the kernel does not
 * show them: the tables are missing, hidden, empty or in another format. WSL 1 and some sandboxes
 * have empty files in their place.
 */
export async function readProcNet(directory = '/proc/net'): Promise<SocketTable | undefined> {
  const read = (table: string) => readFile(`${directory}/${table}`, 'latin1')
  try {
    const [tcp, tcp6, udp, udp6] = await Promise.all([
      read('tcp'),
      read('tcp6').catch(absentIfMissing),
      read('udp'),
      read('udp6').catch(absentIfMissing),
    ])
    const sharedUid = unmappedUid()
    const tables = [
      parseProcNet('tcp', tcp, sharedUid),
      tcp6 === undefined ? NO_SOCKETS : parseProcNet('tcp', tcp6, sharedUid),
      parseProcNet('udp', udp, sharedUid),
      udp6 === undefined ? NO_SOCKETS : parseProcNet('udp', udp6, sharedUid),
    ]
    if (!tables.every((table) => table !== undefined)) return undefined
    return {
      listeners: tables.flatMap(({ listeners }) => listeners),
      connections: tables.flatMap(({ connections }) => connections),
    }
  } catch {
    // No /proc, or one that a sandbox hides: an empty answer would be false.
    return undefined
  }
}

/**
 * The listening sockets of a protocol, or undefined as in `readProcNet`. The kernel lists them
 * before the connections (Documentation/networking/proc_net_tcp.rst), so this stops at the first
 * connection. To list all sockets, the kernel goes through its whole hash table, which takes
 * milliseconds.
 */
export async function readListeningSockets(
  protocol: Protocol,
  directory = '/proc/net',
): Promise<Listener[] | undefined> {
  const read = protocol === 'tcp' ? readUntilConnection : readTable
  try {
    const tables = await Promise.all([
      read(`${directory}/${protocol}`),
      read(`${directory}/${protocol}6`).catch(absentIfMissing),
    ])
    const sharedUid = unmappedUid()
    const sockets = tables.map((table) =>
      table === undefined ? NO_SOCKETS : parseProcNet(protocol, table, sharedUid),
    )
    if (!sockets.every((each) => each !== undefined)) return undefined
    return sockets.flatMap(({ listeners }) => listeners)
  } catch {
    return undefined
  }
}

const readTable = (path: string) => readFile(path, 'latin1')

/** A few rows. The kernel looks for as many connections as fill the rest of the buffer. */
const CHUNK_BYTES = 1024

/** A row of a TCP socket in another state than LISTEN. */
const CONNECTION = /^ *\d+: \S+ \S+ (?!0A)[\dA-F]{2} /m

/** The first rows of a table of TCP, at least up to the first that is no listener. */
async function readUntilConnection(path: string): Promise<string> {
  const file = await open(path)
  try {
    const buffer = Buffer.alloc(CHUNK_BYTES)
    let table = ''
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES)
      const lastRow = table.lastIndexOf('\n') + 1
      table += buffer.toString('latin1', 0, bytesRead)
      if (bytesRead === 0) return table
      if (CONNECTION.test(table.slice(lastRow))) return table.slice(0, table.lastIndexOf('\n') + 1)
    }
  } finally {
    await file.close()
  }
}

const NO_SOCKETS: SocketTable = { listeners: [], connections: [] }

/** A kernel without IPv6 has no tables for it. */
function absentIfMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined
  throw error
}

/**
 * The sockets in a table as Documentation/networking/proc_net_tcp.rst describes it; those of UDP
 * and IPv6 have the same first columns. Undefined if it is not such a table.
 * @param sharedUid the uid that stands for several users, and so identifies none
 */
export function parseProcNet(
  protocol: Protocol,
  table: string,
  sharedUid?: number,
): SocketTable | undefined {
  const [header = '', ...rows] = table.split('\n')
  if (!HEADER.test(header)) return undefined
  // Few addresses serve many rows, and an IPv6 address costs more to decode than its row to read.
  const decoded = new Map<string, string>()
  const listeners: Listener[] = []
  const connections: ConnectionEnd[] = []
  for (const row of rows) {
    if (row.trim() === '') continue
    const columns = ROW.exec(row)?.groups
    if (!columns) return undefined
    const hex = columns.address!
    const address = decoded.get(hex) ?? decodeAddress(hex)
    decoded.set(hex, address)
    const port = Number.parseInt(columns.port!, 16)
    if (protocol === 'tcp' && columns.state !== LISTEN) {
      connections.push({ address, port })
      continue
    }
    const uid = Number(columns.uid)
    listeners.push({
      protocol,
      address,
      port,
      ...(uid !== sharedUid && { uid }),
      inode: Number(columns.inode),
      ...(address === '::' && { mayTakeIPv4: true }),
    })
  }
  return { listeners, connections }
}

/** The kernel prints 32-bit words as the processor reads them: little-endian on x64 and arm64. */
function decodeAddress(hex: string): string {
  const bytes = Buffer.from(hex, 'hex').swap32()
  if (bytes.length === 4) return bytes.join('.')
  const groups = bytes.toString('hex').match(/.{4}/g) ?? []
  return canonicalAddress(groups.join(':'))
}
