import { isIP, isIPv4 } from 'node:net'
import { networkInterfaces, hostname as systemHostname } from 'node:os'
import { isAbsent } from './absent.js'
import { validHostname } from './hostname.js'

/**
 * The name of this host in the registry. Every name and address of the loopback interface means
 * this host, so they are all stored under that one name: two spellings must never be two scopes.
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
    if (isAbsent(hostname)) return this.name
    const valid = validHostname(field, hostname)
    return isLoopback(valid) ? this.name : valid
  }

  /**
   * The target of a check of that host. An address stands for itself, even if it is stored under
   * this host's name; a name stands for all addresses of its host.
   */
  target(field: string, hostname: unknown): string {
    const resolved = this.resolve(field, hostname)
    const valid = isAbsent(hostname) ? resolved : validHostname(field, hostname)
    return isIP(valid) ? valid : resolved
  }

  /**
   * Whether a hostname is one of this machine's names or addresses, so that its kernel shows the
   * sockets.
   */
  is(hostname: string): boolean {
    return (
      hostname === this.name ||
      hostname === systemHostname().toLowerCase() ||
      isLoopbackAddress(hostname) ||
      (isLoopbackName(hostname) && this.name === 'localhost') ||
      ownAddresses().includes(hostname)
    )
  }
}

/** Every name and address of the loopback interface. */
export function isLoopback(hostname: string): boolean {
  return isLoopbackName(hostname) || isLoopbackAddress(hostname)
}

/** Names that /etc/hosts of Debian (`ip6-…`) and of Fedora give to 127.0.0.1 or ::1. */
const LOOPBACK_ALIASES: readonly string[] = [
  'localhost',
  'ip6-localhost',
  'ip6-loopback',
  'localhost4',
  'localhost4.localdomain4',
  'localhost6',
  'localhost6.localdomain6',
]

/**
 * `localhost` and every name below it (RFC 6761, section 6.3); `localhost.localdomain` and every
 * name below it, which /etc/hosts of Fedora and nss-myhostname(8) resolve to the loopback addresses
 * as well; and the names that distributions write into /etc/hosts for them.
 */
export function isLoopbackName(hostname: string): boolean {
  return LOOPBACK_ALIASES.includes(hostname) || /(^|\.)localhost(\.localdomain)?$/.test(hostname)
}

/** All of 127.0.0.0/8 is this host (RFC 1122, section 3.2.1.3), and ::1 (RFC 4291, section 2.5.3). */
function isLoopbackAddress(hostname: string): boolean {
  return hostname === '::1' || (isIPv4(hostname) && hostname.startsWith('127.'))
}

function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) =>
    (addresses ?? []).map((address) => address.address),
  )
}
