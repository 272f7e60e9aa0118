import { isIPv6 } from 'node:net'
import { isLoopback, type PortAllocation } from '@ports/core'

/** The address for clients on this host, as `host:port`. */
export function addressOf({
  hostname,
  portNumber,
}: Pick<PortAllocation, 'hostname' | 'portNumber'>): string {
  // Servers listen on 127.0.0.1 unless HOST says otherwise, and localhost may resolve to ::1 first.
  const host = isLoopback(hostname) ? '127.0.0.1' : hostname
  return `${isIPv6(host) ? `[${host}]` : host}:${portNumber}`
}
