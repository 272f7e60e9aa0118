import { isIP } from 'node:net'
import type { Protocol, Scope } from '../PortAllocation.js'
import { type SeenListener, type Sighting, unknownBecause } from './Sighting.js'

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
   * The sighting of an endpoint. The hostname must be one of this host's. An address is served by
   * its own listener or by the wildcard of its family; a name stands for all addresses, so any
   * listener counts. A UDP socket that is connected to a peer holds its number as well.
   */
  at({ hostname, protocol, port }: Endpoint): Sighting {
    const all = this.socketsOn(protocol, port)
    const family = isIP(hostname)
    const serving = family === 0 ? all : all.filter((each) => serves(each, hostname, family))
    if (serving.length > 0) return { verdict: 'listening', listeners: distinct(serving) }
    const doubtful = family === 4 ? all.filter(({ mayTakeIPv4 }) => mayTakeIPv4) : []
    if (doubtful.length > 0) {
      return { ...unknownBecause('ipv4-of-ipv6-socket'), listeners: distinct(doubtful) }
    }
    const connected = protocol === 'tcp' ? this.#connections.get(port) : undefined
    const held = family === 0 ? connected !== undefined : connected?.has(hostname)
    return { verdict: 'not-listening', listeners: [], ...(held && { heldBy: 'connection' }) }
  }
}

function serves({ address }: Listener, wanted: string, family: number): boolean {
  return address === wanted || address === (family === 4 ? '0.0.0.0' : '::')
}

/** Several sockets of one user may share an address (SO_REUSEPORT). */
export function distinct(listeners: readonly Listener[]): SeenListener[] {
  const seen = new Map<string, SeenListener>()
  for (const { address, uid } of listeners) {
    seen.set(`${address} ${uid}`, { address, ...(uid !== undefined && { uid }) })
  }
  return [...seen.values()]
}
