import { isIPv4 } from 'node:net'
import { networkInterfaces, hostname as systemHostname } from 'node:os'
import { validHostname } from './validate.js'

/**
 * What this host is called in the registry. `127.0.0.1`, `::1` and `localhost` all mean this host,
 * so they are stored under its one name: two spellings must never be two scopes.
 */
export class LocalHost {
  readonly name: string

  /**
   * @param name `localhost` unless machines share the registry; then this machine's own name
   * @param field where the name comes from, for the error when it cannot be one
   */
  constructor(name: string = 'localhost', field: string = 'hostname') {
    const valid = validHostname(field, name)
    this.name = isLoopback(valid) ? 'localhost' : valid
  }

  /** The name under which a host is stored; without one, this host. */
  resolve(field: string, hostname: unknown): string {
    if (hostname === undefined) return this.name
    const valid = validHostname(field, hostname)
    return isLoopback(valid) ? this.name : valid
  }

  /** Whether the kernel of this machine can speak for that host: one of its names or addresses. */
  is(hostname: string): boolean {
    return (
      hostname === this.name ||
      hostname === systemHostname().toLowerCase() ||
      isLoopbackAddress(hostname) ||
      ownAddresses().includes(hostname)
    )
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '::1'
}

/** All of 127.0.0.0/8 is this host (RFC 1122, section 3.2.1.3). */
function isLoopbackAddress(hostname: string): boolean {
  return isIPv4(hostname) && hostname.startsWith('127.')
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map((address) => address.address),
  )
}
