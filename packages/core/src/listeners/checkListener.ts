import type { Verdict } from '../Audit.js'
import type { LocalHost } from '../localHost.js'
import type { CallOptions } from '../PortRepository.js'
import { validCount } from '../validate.js'
import { connectProbe, type ProbeOptions } from './connectProbe.js'
import type { Endpoint, Listeners } from './Listeners.js'
import { readListeners } from './readListeners.js'

export interface CheckOptions extends CallOptions {
  /**
   * How long another host may take to answer, in milliseconds from 1 to 60,000, the lookup of its
   * name included. Default: 1500, which one lost SYN does not exceed.
   */
  readonly timeoutMs?: number
}

/** @throws {PortsError} `INVALID_ARGUMENT` */
export function validTimeout({ timeoutMs = 1500 }: CheckOptions): number {
  return validCount('timeoutMs', timeoutMs, 60_000)
}

/**
 * Whether something listens there now.
 * @throws {PortsError} `INVALID_ARGUMENT`
 * @throws the signal's reason
 */
export async function checkListener(
  target: Endpoint,
  localHost: LocalHost,
  options: CheckOptions,
): Promise<Verdict> {
  const timeoutMs = validTimeout(options)
  const { signal } = options
  signal?.throwIfAborted()
  if (!localHost.is(target.hostname)) return checkRemote(target, { timeoutMs, signal })
  const listeners = await readListeners()
  signal?.throwIfAborted()
  return checkLocal(target, listeners)
}

/** The verdict of this host's kernel, for one of this host's names or addresses. */
export function checkLocal(target: Endpoint, listeners: Listeners | undefined): Verdict {
  if (!listeners) return 'unknown'
  return listeners.has(target) ? 'listening' : 'not-listening'
}

/** The verdict on another host, as far as it can be seen from here. */
export async function checkRemote(target: Endpoint, options: ProbeOptions): Promise<Verdict> {
  // A UDP service need not answer, and a machine that has a name of its own cannot know which
  // other one was called localhost in the registry.
  if (target.protocol === 'udp' || target.hostname === 'localhost') return 'unknown'
  return connectProbe(target, options)
}
