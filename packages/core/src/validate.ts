import { isIPv4, isIPv6 } from 'node:net'
import { invalidArgument } from './errors.js'
import { PROTOCOLS, type Protocol } from './PortAllocation.js'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/
const HOSTNAME_LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/

/** The longest texts the store takes, in Unicode code points. */
export const MAX_LENGTH = {
  hostname: 253,
  serviceType: 100,
  description: 1000,
  idempotencyKey: 100,
} as const

export function validName(field: string, value: unknown): string {
  if (typeof value === 'string' && NAME.test(value)) return value
  throw invalidArgument(
    field,
    value,
    'a letter or digit followed by at most 62 letters, digits, dots, hyphens or underscores',
  )
}

export function validPort(field: string, value: unknown): number {
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65535) return Number(value)
  throw invalidArgument(field, value, 'a whole number from 1 to 65535')
}

export function validCount(field: string, value: unknown, max: number): number {
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= max) return Number(value)
  throw invalidArgument(field, value, `a whole number from 1 to ${max}`)
}

export function validProtocol(field: string, value: unknown): Protocol {
  const protocol = PROTOCOLS.find((known) => known === value)
  if (protocol) return protocol
  throw invalidArgument(field, value, PROTOCOLS.join(' or '))
}

/**
 * A hostname in its one spelling: lower case, without a trailing dot, an IPv6 address as RFC 5952
 * writes it. Names are those of RFC 1123, section 2.1, and underscores, which container networks
 * use.
 */
export function validHostname(field: string, value: unknown): string {
  const hostname = typeof value === 'string' ? canonicalHostname(value) : undefined
  if (hostname !== undefined) return hostname
  throw invalidArgument(field, value, 'a host name or an IP address, without port or scheme')
}

function canonicalHostname(value: string): string | undefined {
  const bare = value.startsWith('[') && value.endsWith(']') ? value.slice(1, -1) : value
  if (isIPv4(bare) || isColonAddress(bare)) {
    // A zone index (fe80::1%eth0) means nothing elsewhere.
    const address = bare.includes('%') ? undefined : canonicalAddress(bare)
    // Any address is no host.
    return address === '0.0.0.0' || address === '::' ? undefined : address
  }
  const name = value.toLowerCase().replace(/\.$/, '')
  const labels = name.split('.')
  const numeric = /^\d+$/.test(labels.at(-1) ?? '')
  const wellFormed = labels.every((label) => HOSTNAME_LABEL.test(label)) && !numeric
  return wellFormed && name.length <= MAX_LENGTH.hostname ? name : undefined
}

/**
 * The one spelling of an IP address: IPv6 as RFC 5952 has it, an IPv4-mapped address (RFC 4291,
 * section 2.5.5.2) as the IPv4 address that it stands for.
 */
export function canonicalAddress(address: string): string {
  if (!isColonAddress(address)) return address
  // The URL parser has the canonical form.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical)
  if (!mapped) return canonical
  const halves = mapped.slice(1).map((half) => Number.parseInt(half, 16))
  return halves.flatMap((half) => [half >> 8, half & 0xff]).join('.')
}

/**
 * An IPv6 address. Node's own pattern for them takes 8 ms to compile, half of what Node itself needs
 * to start: a name must not be held against it.
 */
function isColonAddress(text: string): boolean {
  return text.includes(':') && isIPv6(text)
}

/** Text for people: anything but NUL and lone surrogates, which PostgreSQL cannot store. */
export function validText(field: string, value: unknown, maxLength: number): string {
  const storable =
    typeof value === 'string' &&
    value.trim() !== '' &&
    !value.includes('\0') &&
    !/\p{Surrogate}/u.test(value) &&
    [...value].length <= maxLength
  if (storable) return value
  throw invalidArgument(
    field,
    value,
    `text of 1 to ${maxLength} characters, not only blanks, without NUL`,
  )
}
