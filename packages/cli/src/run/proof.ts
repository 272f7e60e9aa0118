import { setTimeout as sleep } from 'node:timers/promises'
import { listenersOfTree, type OwnListener, type Protocol } from '@ports/core'

const POLL_MS = 150
/** A server may listen for its debugger or for reloads before it listens where it should. */
const OTHER_PORT_MS = 3_000
const NEVER_MS = 30_000

/** What was seen of a command's sockets. */
export type Finding =
  | { readonly found: 'right' }
  /** It listens elsewhere and not there. */
  | { readonly found: 'wrong-port'; readonly ports: readonly number[] }
  /** It listens there, but not on an IPv4 address. */
  | { readonly found: 'wrong-family'; readonly addresses: readonly string[] }
  | { readonly found: 'nothing'; readonly seconds: number }
  /** This system does not show which process listens. */
  | { readonly found: 'unseen' }

/**
 * Watches on which ports a process and its descendants listen, until it is the right one. Tells a
 * finding when it is clear, and again only if it changes.
 */
export async function watchListeners(
  pid: number,
  port: number,
  protocol: Protocol,
  tell: (finding: Finding) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = performance.now()
  let elsewhereSince: number | undefined
  let told: Finding['found'] | undefined
  while (!signal.aborted) {
    const listeners = await listenersOfTree(pid, protocol)
    const now = performance.now()
    elsewhereSince = listeners && listeners.length > 0 ? (elsewhereSince ?? now) : undefined
    const isClear = elsewhereSince !== undefined && now - elsewhereSince > OTHER_PORT_MS
    const finding = findingOf(listeners, port, isClear, now - startedAt)
    if (finding && finding.found !== told && !signal.aborted) await tell(finding)
    if (finding?.found === 'right' || finding?.found === 'unseen') return
    told = finding?.found ?? told
    await sleep(POLL_MS, undefined, { signal }).catch(() => {})
  }
}

function findingOf(
  listeners: readonly OwnListener[] | undefined,
  port: number,
  isClear: boolean,
  waitedMs: number,
): Finding | undefined {
  if (!listeners) return { found: 'unseen' }
  const there = listeners.filter((each) => each.port === port)
  if (there.some(({ address }) => takesIPv4(address))) return { found: 'right' }
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

/** `::` takes IPv4 as well, unless a program asked for something else. */
function takesIPv4(address: string): boolean {
  return address === '::' || !address.includes(':')
}
