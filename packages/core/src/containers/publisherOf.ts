import type { Listener } from '../listeners/Listeners.js'
import type { Protocol } from '../PortAllocation.js'
import type { Container, PublishedPort } from './Container.js'

interface Target {
  readonly protocol: Protocol
  readonly port: number
}

/** A container, and what it publishes on one port of the host. */
export interface Publisher {
  readonly container: Container
  readonly published: PublishedPort
}

/**
 * The container that publishes a port on an address of one of these sockets or, without sockets, on
 * any address. Such sockets belong to the runtime's processes, not to those of the container.
 */
export function publisherOf(
  containers: readonly Container[],
  { protocol, port }: Target,
  sockets: readonly Pick<Listener, 'address'>[] = [],
): Publisher | undefined {
  const isServed = ({ address }: PublishedPort) =>
    sockets.length === 0 || sockets.some((socket) => mayBeOne(socket.address, address))
  for (const container of containers) {
    const published = container.published.find(
      (each) => each.protocol === protocol && each.port === port && isServed(each),
    )
    if (published) return { container, published }
  }
  return undefined
}

function mayBeOne(one: string, other: string): boolean {
  return one === other || isWildcard(one) || isWildcard(other)
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}
