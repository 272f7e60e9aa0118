import { setTimeout as sleep } from 'node:timers/promises'
import { isLoopback, listenersOfTree, type OwnListener, type Protocol } from '@ports/core'

const FIRST_POLL_MS = 150
const LAST_POLL_MS = 3_000
/** A server may listen for reloads before it listens where it should. */
const OTHER_PORT_MS = 3_000
/** A server that compiles first may take long. */
const STILL_OTHER_PORT_MS = 10_000
const NEVER_MS = 30_000

/** Where debuggers listen by default: of Node.js, of the JVM, of Python. */
const DEBUGGER_PORTS: readonly number[] = [9229, 9230, 9231, 9232, 5005, 5678]

/** The observed state of a command's sockets. */
export type Finding =
  | { readonly found: 'right'; readonly address: string }
  /** The command listens elsewhere, and not on the port. */
  | { readonly found: 'wrong-port'; readonly ports: readonly number[] }
  /** The command listens on the port, but not on an IPv4 address. */
  | { readonly found: 'wrong-family'; readonly addresses: readonly string[] }
  | { readonly found: 'nothing'; readonly seconds: number }
  /** This system does not show which process listens. */
  | { readonly found: 'unseen' }

/** The reactions to findings. */
export interface Witness {
  /** Called when a finding is clear, and again only if it changes. */
  tell(finding: Finding): Promise<void>
  /** Called if the server still does not listen where it should. */
  refuse(): void
  /** Whether a socket on `::` of that port takes IPv4 as well. */
  takesIPv4(port: number): Promise<boolean>
}

/** Watches on which ports a process and its descendants listen, until it is the right one. */
export async function watchListeners(
  pid: number,
  port: number,
  protocol: Protocol,
  witness: Witness,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = performance.now()
  let elsewhereSince: number | undefined
  let told: Finding['found'] | undefined
  while (!signal.aborted) {
    const all = await listenersOfTree(pid, protocol)
    // A UDP socket of a client looks like that of a server.
    const isRelevant = (each: OwnListener) => protocol === 'tcp' && !isDebugger(each)
    const listeners = all?.filter((each) => each.port === port || isRelevant(each))
    const now = performance.now()
    elsewhereSince = listeners && listeners.length > 0 ? (elsewhereSince ?? now) : undefined
    const elsewhereMs = elsewhereSince === undefined ? 0 : now - elsewhereSince
    const isClear = elsewhereMs > OTHER_PORT_MS
    const seen = await withDualStackAsIPv4(listeners, port, witness)
    const finding = findingOf(seen, port, isClear, now - startedAt)
    if (signal.aborted) return
    if (finding && finding.found !== told) await witness.tell(finding)
    if (finding?.found === 'right' || finding?.found === 'unseen') return
    if (finding?.found === 'nothing' || elsewhereMs > STILL_OTHER_PORT_MS) witness.refuse()
    told = finding?.found ?? told
    await sleep(pollAfter(now - startedAt), undefined, { signal }).catch(() => {})
  }
}

/** Each look reads the files of all processes, and a command that never listens may run for days. */
function pollAfter(waitedMs: number): number {
  return Math.min(LAST_POLL_MS, Math.max(FIRST_POLL_MS, waitedMs / 20))
}

function isDebugger({ port, address }: OwnListener): boolean {
  return DEBUGGER_PORTS.includes(port) && isLoopback(address)
}

/**
 * The listeners. If the port has only IPv6 sockets, and one on `::` takes IPv4 as well, it is given
 * as one of IPv4. The kernel's tables do not show whether it does.
 */
async function withDualStackAsIPv4(
  listeners: readonly OwnListener[] | undefined,
  port: number,
  { takesIPv4 }: Witness,
): Promise<readonly OwnListener[] | undefined> {
  const there = listeners?.filter((each) => each.port === port) ?? []
  const isAmbiguous = there.length > 0 && there.every(({ address }) => address.includes(':'))
  if (!isAmbiguous || !there.some(({ address }) => address === '::')) return listeners
  return (await takesIPv4(port)) ? [{ port, address: ANY_ADDRESS }] : listeners
}

/** Stands for all addresses of IPv4. */
const ANY_ADDRESS = '0.0.0.0'

function findingOf(
  listeners: readonly OwnListener[] | undefined,
  port: number,
  isClear: boolean,
  waitedMs: number,
): Finding | undefined {
  if (!listeners) return { found: 'unseen' }
  const there = listeners.filter((each) => each.port === port)
  const right = there.filter(({ address }) => !address.includes(':'))
  if (right.length > 0) return { found: 'right', address: nearestAddress(right) }
  if (there.length > 0) {
    return isClear
      ? { found: 'wrong-family', addresses: there.map(({ address }) => address) }
      : undefined
  }
  if (isClear) {
    return { found: 'wrong-port', ports: [...new Set(listeners.map((each) => each.port))] }
  }
  return waitedMs > NEVER_MS && listeners.length === 0
    ? { found: 'nothing', seconds: NEVER_MS / 1000 }
    : undefined
}

/** The address that a browser on this host finds, if it is one of them. */
function nearestAddress(listeners: readonly OwnListener[]): string {
  const addresses = listeners.map(({ address }) => address)
  return addresses.find((address) => isLocalhost(address)) ?? addresses[0]!
}

/** Whether `localhost` finds what listens on that address. */
export function isLocalhost(address: string): boolean {
  return address === ANY_ADDRESS || address === '127.0.0.1'
}
