import { connectProbe, type ProbeOptions } from '../listeners/connectProbe.js'
import type { Endpoint } from '../listeners/Listeners.js'
import type { Sighting } from '../listeners/Sighting.js'
import type { Container } from './Container.js'
import { publisherOf } from './publisherOf.js'

/**
 * The given sighting of a port of this host, or `listening` if no socket listens there but a
 * container publishes the port and a connection is accepted. Podman 6 and redirects of the firewall
 * have no socket that listens. UDP is left as it was seen, because it cannot be confirmed.
 * @throws the signal's reason
 */
export async function seePublished(
  sighting: Sighting,
  target: Endpoint,
  containers: () => Promise<readonly Container[]>,
  probe: ProbeOptions,
): Promise<Sighting> {
  if (sighting.verdict !== 'not-listening' || target.protocol !== 'tcp') return sighting
  const publisher = publisherOf(await containers(), target)
  if (!publisher) return sighting
  const hostname = addressFor(publisher.published.address)
  const { verdict } = await connectProbe({ ...target, hostname }, probe)
  return verdict === 'listening' ? { verdict, listeners: [] } : sighting
}

/** The address to connect to for a port that is published on that address. */
function addressFor(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1'
  return address === '::' ? '::1' : address
}
