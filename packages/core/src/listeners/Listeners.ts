import { isIP } from 'node:net'
import type { Protocol, Scope } from '../PortAllocation.js'

/** A port on a host: what something may be listening on. */
export interface Endpoint extends Scope {
  readonly port: number
}

/** A TCP socket in LISTEN or a bound UDP socket of this host. */
export interface Listener {
  readonly protocol: Protocol
  /** Spelled as hostnames are stored. `0.0.0.0` and `::` take every address of their own family. */
  readonly address: string
  readonly port: number
}

/**
 * What listened on this host at one moment. A container has tables of its own: its listeners are
 * here only if they are forwarded by a process of this host.
 */
export class Listeners {
  readonly #addresses: Readonly<Record<Protocol, Map<number, Set<string>>>> = {
    tcp: new Map(),
    udp: new Map(),
  }

  constructor(listeners: Iterable<Listener>) {
    for (const { protocol, address, port } of listeners) {
      const ports = this.#addresses[protocol]
      const addresses = ports.get(port)
      if (addresses) addresses.add(address)
      else ports.set(port, new Set([address]))
    }
  }

  /**
   * Whether something listens there, the hostname being one of this host's. An address is served
   * by its own listener or by a wildcard; a name stands for all addresses, so any listener counts.
   */
  has({ hostname, protocol, port }: Endpoint): boolean {
    const addresses = this.#addresses[protocol].get(port)
    if (!addresses) return false
    const family = isIP(hostname)
    if (family === 0) return true
    return addresses.has(hostname) || addresses.has(family === 4 ? '0.0.0.0' : '::')
  }
}
