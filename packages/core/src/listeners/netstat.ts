import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Protocol } from '../PortAllocation.js'
import type { Listener } from './Listeners.js'

const run = promisify(execFile)

const ROW =
  /^(?<protocol>tcp|udp)(?<family>46|4|6) +\d+ +\d+ +(?<address>\S+)\.(?<port>\d+) +(?<peer>\S+)(?: +(?<state>\w+))?/

/** Unlike Linux, macOS tells a dual-stack socket from one for IPv6 only. */
const WILDCARDS: Readonly<Record<string, readonly string[]>> = {
  '4': ['0.0.0.0'],
  '6': ['::'],
  '46': ['::', '0.0.0.0'],
}

/** The listeners of this host on macOS, or undefined where netstat does not tell. */
export async function readNetstat(): Promise<Listener[] | undefined> {
  try {
    // Without -l, netstat(1) cuts IPv6 addresses to 16 characters.
    const { stdout } = await run('/usr/sbin/netstat', ['-anl'], { maxBuffer: 64 * 1024 * 1024 })
    const listeners = parseNetstat(stdout)
    // A Mac always has some (mDNSResponder's, for one): none means that the format has changed.
    return listeners.length > 0 ? listeners : undefined
  } catch {
    return undefined
  }
}

/** The listeners in what macOS's `netstat -an` prints. */
export function parseNetstat(output: string): Listener[] {
  return output.split('\n').flatMap(parseRow)
}

function parseRow(row: string): Listener[] {
  const { protocol, family = '', address = '', port, peer, state } = ROW.exec(row)?.groups ?? {}
  const listening = protocol === 'tcp' ? state === 'LISTEN' : peer === '*.*'
  if (protocol === undefined || !listening) return []
  // A zone (fe80::1%en0) is no part of how a hostname is stored.
  const addresses = address === '*' ? (WILDCARDS[family] ?? []) : [address.replace(/%.*/, '')]
  return addresses.map((address) => ({
    protocol: protocol as Protocol,
    address,
    port: Number(port),
  }))
}
