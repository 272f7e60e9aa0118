import { isIPv4, isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'
import { invalidArgument } from './errors.js'

const LABEL = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/

/** RFC 1035, section 2.3.4. */
const LONGEST_LABEL = 63

/** Without the root's dot: RFC 1035 counts the octets on the wire, which are two more. */
export const LONGEST_HOSTNAME = 253

/**
 * A hostname in its one spelling: lower case, without a trailing dot, an IPv6 address as RFC 5952
 * writes it. Names are those of RFC 1123, section 2.1, and underscores, which container networks
 * use.
 * @throws {PortsError} `INVALID_ARGUMENT` that says why; with `details.suggestion` if it is clear
 * which host was meant
 */
export function validHostname(field: string, value: unknown): string {
  const judged = typeof value === 'string' ? judge(value) : { expected: HOST }
  if ('hostname' in judged) return judged.hostname
  throw invalidArgument(field, value, judged.expected, judged.suggestion)
}

/** In place of the first label it stands for any one label (RFC 1034, section 4.3.3). */
const WILDCARD = '*.'

/**
 * As `validHostname`, or a host name whose whole first label is a wildcard, as in `*.example.com`.
 * @throws {PortsError} as `validHostname`
 */
export function validPublicHostname(field: string, value: unknown): string {
  if (typeof value !== 'string' || !value.startsWith(WILDCARD)) return validHostname(field, value)
  const judged = judge(value.slice(WILDCARD.length))
  if ('expected' in judged) {
    const { expected, suggestion } = judged
    const isName = suggestion !== undefined && !isAddress(suggestion)
    throw invalidArgument(field, value, expected, isName ? WILDCARD + suggestion : undefined)
  }
  if (isAddress(judged.hostname)) {
    throw invalidArgument(field, value, 'a host name where it begins with a wildcard')
  }
  const hostname = WILDCARD + judged.hostname
  if (hostname.length > LONGEST_HOSTNAME) {
    throw invalidArgument(
      field,
      value,
      `${HOST} of at most ${LONGEST_HOSTNAME} characters; it has ${hostname.length}`,
    )
  }
  return hostname
}

const HOST = 'a host name or an IP address'

type Judgement =
  | { readonly hostname: string }
  | { readonly expected: string; readonly suggestion?: string }

function judge(value: string): Judgement {
  const bare = value.startsWith('[') && value.endsWith(']') ? value.slice(1, -1) : value
  if (isAddress(bare)) return judgeAddress(bare)
  const name = value.toLowerCase().replace(/\.$/, '')
  const expected = faultOf(name)
  return expected === undefined ? { hostname: name } : { expected, suggestion: hostMeantBy(value) }
}

function judgeAddress(bare: string): Judgement {
  const [address = '', zone] = bare.split('%')
  const canonical = canonicalAddress(address)
  if (zone !== undefined) {
    return {
      expected: `an address without the zone %${zone}, which means nothing on another machine`,
      suggestion: canonical,
    }
  }
  if (canonical === '0.0.0.0' || canonical === '::') {
    return {
      expected:
        'one host, or left out for this host: this address stands for all addresses of a host',
    }
  }
  return { hostname: canonical }
}

/** A description of what the value must be instead; undefined if it is a host name. */
function faultOf(name: string): string | undefined {
  if (name === '' || /\s/.test(name)) return `${HOST}, without blanks`
  if (name.includes('://')) return `${HOST}, without a scheme`
  if (/[/\\?#]/.test(name)) return `${HOST}, without a path`
  if (name.includes('@')) return `${HOST}, without a user`
  if (/^([^:]*|\[.*\]):\d*$/.test(name)) return `${HOST}, without a port`
  if (/[[\]]|:.*:/.test(name)) return `${HOST}; this is not an IPv6 address`
  if (/[^ -~]/.test(name)) return `${HOST} in ASCII, as in DNS (xn--…)`
  if (name.length > LONGEST_HOSTNAME) {
    return `${HOST} of at most ${LONGEST_HOSTNAME} characters; it has ${name.length}`
  }
  const labels = name.split('.')
  const long = labels.find((label) => label.length > LONGEST_LABEL)
  if (long !== undefined) {
    return (
      `${HOST} with at most ${LONGEST_LABEL} characters between two dots; ` +
      `it has ${long.length} in one place`
    )
  }
  if (labels.includes('')) return `${HOST}, with a name between any two dots`
  if (!labels.every((label) => LABEL.test(label))) {
    return (
      `${HOST}: letters, digits, hyphens, underscores and dots, ` +
      'with no hyphen beside a dot or at an end'
    )
  }
  // The URL standard also reads a last label such as 0x7f as part of an IPv4 address.
  if (/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1)!)) {
    return `${HOST}: an IPv4 address is four numbers from 0 to 255, and no name ends in a number`
  }
}

/** The host in a URL, before a port, or written in Unicode; undefined if there is none. */
function hostMeantBy(value: string): string | undefined {
  const trimmed = value.trim()
  const host = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(?:[^/?#@\s]*@)?(?<host>\[[^\]]*\]|[^/?#:\s]*)/i.exec(
    trimmed,
  )?.groups?.host
  // A host contains no blanks, so it is unclear what a text with blanks means.
  if (host === undefined || /\s/.test(trimmed)) return undefined
  // A name that cannot be written in ASCII becomes ''.
  const candidate = host.startsWith('[') ? host : domainToASCII(host)
  const judged = candidate === '' || candidate === value ? undefined : judge(candidate)
  return judged && 'hostname' in judged ? judged.hostname : undefined
}

/**
 * The one spelling of an IP address: IPv6 as RFC 5952 writes it, an IPv4-mapped address (RFC 4291,
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

export function isAddress(text: string): boolean {
  return isIPv4(text) || isColonAddress(text)
}

/**
 * An IPv6 address. Node's own pattern for them takes 8 ms to compile, half of what Node itself
 * needs to start, so names are not tested with it.
 */
function isColonAddress(text: string): boolean {
  return text.includes(':') && isIPv6(text)
}
