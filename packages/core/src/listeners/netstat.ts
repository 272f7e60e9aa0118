import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Protocol } from '../PortAllocation.js'
import type { ConnectionEnd, Listener, SocketTable } from './Listeners.js'

const run = promisify(execFile)

const ROW =
  /^(?<protocol>tcp|udp)(?<family>46|4|6) +\d+ +\d+ +(?<address>\S+)\.(?<port>\d+) +\S+(?: +(?<state>\w+))?/

/** Unlike Linux, macOS tells a dual-stack socket from one for IPv6 only. */
const WILDCARDS: Readonly<Record<string, readonly string[]>> = {
  '4': ['0.0.0.0'],
  '6': ['::'],
  '46': ['::', '0.0.0.0'],
}

/** The sockets of this host on macOS, or undefined if netstat does not show them. */
export async function readNetstat(): Promise<SocketTable | undefined> {
  try {
    // Without -l, netstat(1) cuts IPv6 addresses to 16 characters.
    const { stdout } = await run('/usr/sbin/netstat', ['-anl'], { maxBuffer: 64 * 1024 * 1024 })
    const sockets = parseNetstat(stdout)
    // A Mac always has some (mDNSResponder's, for one): none means that the format has changed.
    return sockets.listeners.length > 0 ? sockets : undefined
  } catch {
    return undefined
  }
}

/** The sockets in the output of macOS's `netstat -an`, which does not show whose they are. */
export function parseNetstat(output: string): SocketTable {
  const listeners: Listener[] = []
  const connections: ConnectionEnd[] = []
  for (const row of output.split('\n')) {
    const { protocol, family = '', address = '', port, state } = ROW.exec(row)?.groups ?? {}
    if (protocol === undefined) continue
    // A stored hostname has no zone (fe80::1%en0).
    const addresses = address === '*' ? (WILDCARDS[family] ?? []) : [address.replace(/%.*/, '')]
    for (const address of addresses) {
      const end = { address, port: Number(port) }
      if (protocol === 'udp' || state === 'LISTEN') {
        const isIPv4Half = addresses.length > 1 && address === '0.0.0.0'
        listeners.push({
          protocol: protocol as Protocol,
          ...end,
          ...(isIPv4Half && { isIPv4OfIPv6Socket: true }),
        })
      } else connections.push(end)
    }
  }
  return { listeners, connections }
}
