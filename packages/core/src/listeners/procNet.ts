import { readFile } from 'node:fs/promises'
import { canonicalAddress } from '../hostname.js'
import type { Protocol } from '../PortAllocation.js'
import type { Listener } from './Listeners.js'

/**
 * States of the kernel's include/net/tcp_states.h. UDP borrows them: a socket that is bound and
 * takes datagrams from anyone is in TCP_CLOSE, one that is connected to a peer in TCP_ESTABLISHED.
 */
const LISTENING = { tcp: '0A', udp: '07' } as const

/** The listeners of this network namespace on Linux, or undefined where the tables are closed to us. */
export async function readProcNet(directory = '/proc/net'): Promise<Listener[] | undefined> {
  const read = (table: string) => readFile(`${directory}/${table}`, 'latin1')
  try {
    const [tcp, tcp6, udp, udp6] = await Promise.all([
      read('tcp'),
      read('tcp6').catch(emptyIfMissing),
      read('udp'),
      read('udp6').catch(emptyIfMissing),
    ])
    return [
      ...parseProcNet('tcp', tcp),
      ...parseProcNet('tcp', tcp6),
      ...parseProcNet('udp', udp),
      ...parseProcNet('udp', udp6),
    ]
  } catch {
    // No /proc, or one that a sandbox hides: whatever the reason, an empty answer would be a lie.
    return undefined
  }
}

/** A kernel without IPv6 has no tables for it. */
function emptyIfMissing(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return ''
  throw error
}

/**
 * The listeners in a table as Documentation/networking/proc_net_tcp.rst describes it; those of UDP
 * and IPv6 have the same first columns.
 */
export function parseProcNet(protocol: Protocol, table: string): Listener[] {
  // Few addresses serve many rows, and an IPv6 address costs more to decode than its row to read.
  const decoded = new Map<string, string>()
  const listeners: Listener[] = []
  for (const [, hex = '', hexPort = '', state] of table.matchAll(
    /^ *\d+: ([\dA-F]+):([\dA-F]{4}) \S+ ([\dA-F]{2}) /gm,
  )) {
    if (state !== LISTENING[protocol]) continue
    const address = decoded.get(hex) ?? decodeAddress(hex)
    decoded.set(hex, address)
    const port = Number.parseInt(hexPort, 16)
    listeners.push({ protocol, address, port })
    // It takes IPv4 too unless it is IPV6_V6ONLY, which the tables do not tell.
    if (address === '::') listeners.push({ protocol, address: '0.0.0.0', port })
  }
  return listeners
}

/** The kernel prints 32-bit words as the processor reads them: little-endian on x64 and arm64. */
function decodeAddress(hex: string): string {
  const bytes = Buffer.from(hex, 'hex').swap32()
  if (bytes.length === 4) return bytes.join('.')
  const groups = bytes.toString('hex').match(/.{4}/g) ?? []
  return canonicalAddress(groups.join(':'))
}
