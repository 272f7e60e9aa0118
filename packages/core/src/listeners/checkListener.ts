import type { CallOptions } from '../CallOptions.js'
import { isLoopbackName } from '../localHost.js'
import { validCount } from '../validate.js'
import { connectProbe, type ProbeOptions } from './connectProbe.js'
import type { Endpoint, Listeners } from './Listeners.js'
import { type Sighting, unknownBecause } from './Sighting.js'

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
 * The verdict of this host's kernel for one of this host's names or addresses. If its tables do not
 * show whether an IPv4 address is served, a connection to that address decides for TCP.
 * @param listeners undefined if the kernel shows none
 * @throws the signal's reason
 */
export async function checkLocal(
  target: Endpoint,
  listeners: Listeners | undefined,
  probe: ProbeOptions,
): Promise<Sighting> {
  if (!listeners) return unknownBecause('tables-unreadable')
  const seen = listeners.at(target)
  if (seen.verdict !== 'unknown' || target.protocol === 'udp') return seen
  const { verdict } = await connectProbe(target, probe)
  switch (verdict) {
    case 'listening':
      return { verdict, listeners: seen.listeners }
    case 'not-listening':
      return { verdict, listeners: [] }
    case 'unknown':
      return seen
  }
}

/**
 * The verdict on another host, as far as it can be seen from here.
 * @throws the signal's reason
 */
export async function checkRemote(target: Endpoint, options: ProbeOptions): Promise<Sighting> {
  // A machine with its own name does not know which machine localhost in the registry was.
  if (isLoopbackName(target.hostname)) return unknownBecause('localhost-of-another-host')
  if (target.protocol === 'udp') return unknownBecause('udp-of-another-host')
  return connectProbe(target, options)
}
