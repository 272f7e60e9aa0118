import { canonicalAddress } from '../hostname.js'
import type { Listener } from '../listeners/Listeners.js'
import type { Protocol } from '../PortAllocation.js'

/** The fields that these parsers need (lsof(8), "OUTPUT FOR OTHER PROGRAMS"). */
export const SOCKET_FIELDS = 'pfdtPnT'
export const DIRECTORY_FIELDS = 'pftn'

/** A socket that a process has open. */
export interface OpenSocket extends Pick<Listener, 'protocol' | 'address' | 'port'> {
  readonly pid: number
  /**
   * Distinguishes sockets with the same address. Processes that share a socket have the same one.
   */
  readonly device: string
}

/**
 * The values of a file by their field letter. The letters of TCP fields include their prefix, as
 * `TST=`.
 */
type OpenFile = ReadonlyMap<string, string> & { readonly pid: number }

/** TCP sockets in LISTEN, and UDP sockets that are bound to a port. */
export function parseSockets(output: string): OpenSocket[] {
  return openFiles(output).flatMap((file) => {
    const protocol = file.get('P')?.toLowerCase()
    if (protocol !== 'tcp' && protocol !== 'udp') return []
    if (protocol === 'tcp' && file.get('TST=') !== 'LISTEN') return []
    const end = localEnd(file.get('n') ?? '', file.get('t') === 'IPv6')
    // Without a device, each descriptor counts as a socket of its own.
    const device = file.get('d') ?? `${file.pid}/${file.get('f')}`
    return end ? [{ pid: file.pid, device, protocol: protocol as Protocol, ...end }] : []
  })
}

/** The working directories by pid. Those that cannot be seen are absent. */
export function parseDirectories(output: string): Map<number, string> {
  const directories = new Map<number, string>()
  for (const file of openFiles(output)) {
    // For a directory that it may not see, lsof prints a message as the name, and no type or
    // `unknown`.
    if (file.get('f') !== 'cwd' || file.get('t') !== 'DIR') continue
    const directory = unescaped(file.get('n') ?? '')
    if (directory?.startsWith('/')) directories.set(file.pid, directory)
  }
  return directories
}

function openFiles(output: string): OpenFile[] {
  const files: OpenFile[] = []
  let pid: number | undefined
  let file: Map<string, string> | undefined
  for (const line of output.split('\n')) {
    const [, letter = '', value = ''] = /^(T[A-Z]{2}=|[a-zA-Z])(.*)$/.exec(line) ?? []
    if (letter === 'p') {
      pid = /^[1-9]\d*$/.test(value) ? Number(value) : undefined
      file = undefined
    } else if (letter === 'f' && pid !== undefined) {
      file = new Map([[letter, value]])
      files.push(Object.assign(file, { pid }))
    } else if (letter !== '') file?.set(letter, value)
  }
  return files
}

const LOCAL_END = /^(?:\[(?<ipv6>[^\]]+)\]|(?<ipv4>[^:]+)):(?<port>\d+)(?:->.*)?$/

/** The local end in a name like `*:3000`, `[::1]:3000` or `127.0.0.1:53011->127.0.0.1:53`. */
function localEnd(name: string, isIPv6: boolean): Pick<Listener, 'address' | 'port'> | undefined {
  const { ipv6, ipv4, port } = LOCAL_END.exec(name)?.groups ?? {}
  if (port === undefined) return undefined
  const any = isIPv6 ? '::' : '0.0.0.0'
  const address = ipv6 === undefined ? (ipv4 === '*' ? any : ipv4!) : withoutZone(ipv6)
  return { address, port: Number(port) }
}

/** The kernel of macOS stores the interface of a link-local address in its second group. */
function withoutZone(address: string): string {
  const plain = canonicalAddress(address.replace(/%.*/, ''))
  return plain.startsWith('fe80:')
    ? canonicalAddress(plain.replace(/^fe80:[\da-f]{1,4}:/, 'fe80:0:'))
    : plain
}

const ESCAPE = /\\(?:x(?<hex>[\da-f]{2})|(?<letter>[bfnrt\\]))/g
const LETTERS: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  '\\': '\\',
}

/**
 * The name that lsof has escaped (lsof(8), "OUTPUT"). Undefined if it is ambiguous: lsof prints
 * control characters without an escape of their own as `^A`, and does not escape a caret.
 */
export function unescaped(name: string): string | undefined {
  if (/\^[?-_]/.test(name)) return undefined
  const bytes = name.replace(ESCAPE, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? LETTERS[letter]! : String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
