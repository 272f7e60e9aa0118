import type { SeenListener } from '../listeners/Sighting.js'
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

/** The container that publishes a port, on whatever address. */
export function publisherOf(
  containers: readonly Container[],
  target: Target,
): Publisher | undefined {
  return publishersOf(containers, target)[0]
}

/**
 * The containers that publish a port by these sockets, which the processes of the runtime have open.
 * Something else may listen on other addresses of the port.
 */
export function publishersBySocket<Socket extends SeenListener>(
  containers: readonly Container[],
  target: Target,
  sockets: readonly Socket[],
): ReadonlyMap<Socket, Container> {
  const bySocket = new Map<Socket, Container>()
  for (const { container, published } of publishersOf(containers, target)) {
    for (const socket of servedBy(published, sockets)) {
      if (!bySocket.has(socket)) bySocket.set(socket, container)
    }
  }
  return bySocket
}

function publishersOf(
  containers: readonly Container[],
  { protocol, port }: Target,
): readonly Publisher[] {
  return containers.flatMap((container) =>
    container.published
      .filter((each) => each.protocol === protocol && each.port === port)
      .map((published) => ({ container, published })),
  )
}

/**
 * The sockets of a published port. A runtime may listen on more addresses than it was asked for, and
 * one in a virtual machine on fewer.
 */
function servedBy<Socket extends SeenListener>(
  { address }: PublishedPort,
  sockets: readonly Socket[],
): readonly Socket[] {
  const exact = sockets.filter((each) => each.address === address)
  if (exact.length > 0) return exact
  const wildcards = sockets.filter((each) => isWildcard(each.address))
  if (wildcards.length > 0) return wildcards
  return isWildcard(address) ? sockets : []
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}
