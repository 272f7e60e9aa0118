import type { Protocol } from '../PortAllocation.js'
import { readListeningPorts } from './procNet.js'
import { readListeners } from './readListeners.js'

/**
 * The numbers of a protocol on which something listens on this host now, on whatever addresses, or
 * undefined if they cannot be seen.
 */
export async function listeningPorts(protocol: Protocol): Promise<number[] | undefined> {
  if (process.platform === 'linux') return readListeningPorts(protocol)
  return (await readListeners())?.ports(protocol)
}
