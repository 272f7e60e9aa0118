import { isIP } from 'node:net'
import type { Protocol, Scope } from '../PortAllocation.js'
import { type SeenListener, type Sighting, seenOf, unknownBecause } from './Sighting.js'

/** A port on a host, or on one address of a host: what something may be listening on. */
export interface Endpoint extends Scope {
  readonly port: number
}

/** A TCP socket in LISTEN or a UDP socket of this host. */
export interface Listener extends SeenListener {
  readonly protocol: Protocol
  readonly port: number
  /** The socket's inode, by which processes that have it open refer to it. Not on every system. */
  readonly inode?: number
  /**
   * Set if the socket is on `::`, and the system does not show whether it takes IPv4 too
   * (IPV6_V6ONLY).
   */
  readonly mayTakeIPv4?: true
  /** Set if this is the socket on `::` of the same port, which takes IPv4 as well. */
  readonly isIPv4OfIPv6Socket?: true
}

/** This host's end of a TCP connection. */
export interface ConnectionEnd {
  readonly address: string
  readonly port: number
}

/** The sockets in a system's tables. */
export interface SocketTable {
  readonly listeners: readonly Listener[]
  readonly connections: readonly ConnectionEnd[]
}

/**
 * The sockets of this host at one moment. A container has tables of its own: its listeners are
 * here only if they are forwarded by a process of this host.
 */
export class Listeners {
  readonly #listeners = { tcp: new Map<number, Listener[]>(), udp: new Map<number, Listener[]>() }
  readonly #connections = new Map<number, Set<string>>()

  constructor({ listeners, connections }: SocketTable) {
    for (const listener of listeners) {
      const ports = this.#listeners[listener.protocol]
      const others = ports.get(listener.port)
      if (others) others.push(listener)
      else ports.set(listener.port, [listener])
    }
    for (const { address, port } of connections) {
      const addresses = this.#connections.get(port)
      if (addresses) addresses.add(address)
      else this.#connections.set(port, new Set([address]))
    }
  }

  /** The numbers on which something listens, on whatever addresses. */
  ports(protocol: Protocol): number[] {
    return [...this.#listeners[protocol].keys()]
  }

  /** The sockets on which something listens on that number, on whatever addresses. */
  socketsOn(protocol: Protocol, port: number): readonly Listener[] {
    return this.#listeners[protocol].get(port) ?? []
  }

  /**
   * The sockets that serve an endpoint, as `at` tells. If none does for certain, those that may.
   */
  socketsAt({ hostname, protocol, port }: Endpoint): readonly Listener[] {
    const all = this.socketsOn(protocol, port)
    const family = isIP(hostname)
    if (family === 0) return all
    const serving = all.filter((each) => serves(each, hostname, family))
    return serving.length > 0 || family === 6 ? serving : all.filter(isDoubtful)
  }

  /**
   * The sighting of an endpoint. The hostname must be one of this host's. An address is served by
   * its own listener or by the wildcard of its family; a name stands for all addresses, so any
   * listener counts. A UDP socket that is connected to a peer holds its number as well.
   */
  at(endpoint: Endpoint): Sighting {
    const { hostname, protocol, port } = endpoint
    const sockets = this.socketsAt(endpoint)
    const family = isIP(hostname)
    if (sockets.length > 0) {
      const listeners = distinct(sockets.map(seenOf))
      return family === 4 && sockets.every(isDoubtful)
        ? { ...unknownBecause('ipv4-of-ipv6-socket'), listeners }
        : { verdict: 'listening', listeners }
    }
    const connected = protocol === 'tcp' ? this.#connections.get(port) : undefined
    const held = family === 0 ? connected !== undefined : connected?.has(hostname)
    return { verdict: 'not-listening', listeners: [], ...(held && { heldBy: 'connection' }) }
  }
}

function serves({ address }: Listener, wanted: string, family: number): boolean {
  return address === wanted || address === (family === 4 ? '0.0.0.0' : '::')
}

/** Whether it is not certain that it takes IPv4. */
function isDoubtful({ mayTakeIPv4 }: Listener): boolean {
  return mayTakeIPv4 === true
}

/** Several sockets of one user may share an address (SO_REUSEPORT). */
export function distinct<Seen extends SeenListener>(listeners: readonly Seen[]): Seen[] {
  return [...new Map(listeners.map((each) => [JSON.stringify(each), each])).values()]
}
