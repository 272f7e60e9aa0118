import type { Protocol } from '../PortAllocation.js'
import { outputOf } from '../processes/runProgram.js'
import type { ConnectionEnd, Listener, SocketTable } from './Listeners.js'

const ROW =
  /^(?<protocol>tcp|udp)(?<family>46|4|6) +\d+ +\d+ +(?<address>\S+)\.(?<port>\d+) +\S+(?: +(?<state>\w+))?/

/** Unlike Linux, macOS tells a dual-stack socket from one for IPv6 only. */
const WILDCARDS: Readonly<Record<string, readonly string[]>> = {
  '4': ['0.0.0.0'],
  '6': ['::'],
  '46': ['::', '0.0.0.0'],
}

export interface Netstat {
  /** Where the program is, whatever the PATH of this process. */
  readonly program: string
  readonly limitMs: number
}

const MACOS_NETSTAT: Netstat = { program: '/usr/sbin/netstat', limitMs: 2_000 }

/** The sockets of this host on macOS, or undefined where netstat does not tell, or not in time. */
export async function readNetstat({
  program,
  limitMs,
}: Netstat = MACOS_NETSTAT): Promise<SocketTable | undefined> {
  // Without -l, netstat(1) cuts IPv6 addresses to 16 characters.
  const output = await outputOf(program, ['-anl'], { LC_ALL: 'C' }, limitMs)
  if (output?.status !== 0) return undefined
  const sockets = parseNetstat(output.stdout)
  // A Mac always has some (mDNSResponder's, for one): none means that the format has changed.
  return sockets.listeners.length > 0 ? sockets : undefined
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
