import type { Protocol } from '../PortAllocation.js'
import { readListeningSockets } from './procNet.js'
import { readListeners } from './readListeners.js'

/**
 * The numbers of a protocol on which something listens on this host now, on whatever addresses, or
 * undefined if they cannot be seen.
 * @param directory of the tables on Linux
 */
export async function listeningPorts(
  protocol: Protocol,
  directory?: string,
): Promise<number[] | undefined> {
  if (process.platform !== 'linux') return (await readListeners())?.ports(protocol)
  const sockets = await readListeningSockets(protocol, directory)
  return sockets && [...new Set(sockets.map(({ port }) => port))]
}
