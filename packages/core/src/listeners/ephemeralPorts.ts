import { readFile } from 'node:fs/promises'
import type { Bounds } from '../PortRange.js'

/** Numbers that the kernel may give to an outgoing connection before a service binds them. */
export interface EphemeralOverlap {
  /** The range from which the kernel takes such numbers. */
  readonly ephemeral: Bounds
  /**
   * The numbers of the range asked for that are among them, in the kernel's notation:
   * `3000,3100-3199`.
   */
  readonly exposed: string
  /**
   * The value of `net.ipv4.ip_local_reserved_ports` that reserves those in addition to its current
   * ones.
   */
  readonly reservedPorts: string
}

/**
 * The numbers of a range that this host's kernel may use for outgoing connections of TCP and UDP
 * (`ip_local_port_range`), except those reserved already (`ip_local_reserved_ports`; the kernel's
 * Documentation/networking/ip-sysctl.rst). Undefined if there are none, or if the system does not
 * tell.
 */
export async function ephemeralOverlap(
  range: Bounds,
  directory = '/proc/sys/net/ipv4',
): Promise<EphemeralOverlap | undefined> {
  const settings = await Promise.all([
    readFile(`${directory}/ip_local_port_range`, 'latin1'),
    readFile(`${directory}/ip_local_reserved_ports`, 'latin1'),
  ]).catch(() => undefined)
  if (!settings) return undefined
  const [startPort, endPort] = settings[0].trim().split(/\s+/).map(Number)
  if (!startPort || !endPort) return undefined
  const ephemeral = { startPort, endPort }
  const reserved = parseReserved(settings[1])
  const exposed = without(intersection(range, ephemeral), reserved)
  if (exposed.length === 0) return undefined
  return {
    ephemeral,
    exposed: spelt(exposed),
    reservedPorts: spelt(merged([...reserved, ...exposed])),
  }
}

/** Parses a list like `8080,9148-9150`. */
function parseReserved(list: string): Bounds[] {
  const parts = list.trim() === '' ? [] : list.trim().split(',')
  return parts.map((part) => {
    const [first, last = first] = part.split('-').map(Number)
    return { startPort: first!, endPort: last! }
  })
}

function intersection(a: Bounds, b: Bounds): Bounds[] {
  const startPort = Math.max(a.startPort, b.startPort)
  const endPort = Math.min(a.endPort, b.endPort)
  return startPort <= endPort ? [{ startPort, endPort }] : []
}

function without(bounds: readonly Bounds[], taken: readonly Bounds[]): Bounds[] {
  return taken.reduce<Bounds[]>(
    (left, { startPort, endPort }) =>
      left.flatMap((part) => [
        ...intersection(part, { startPort: 0, endPort: startPort - 1 }),
        ...intersection(part, { startPort: endPort + 1, endPort: 65_535 }),
      ]),
    [...bounds],
  )
}

/** Sorted, with those that touch or overlap merged. */
function merged(bounds: readonly Bounds[]): Bounds[] {
  const result: Bounds[] = []
  for (const next of bounds.toSorted((a, b) => a.startPort - b.startPort)) {
    const last = result.at(-1)
    if (last && next.startPort <= last.endPort + 1) {
      result[result.length - 1] = { ...last, endPort: Math.max(last.endPort, next.endPort) }
    } else result.push(next)
  }
  return result
}

function spelt(bounds: readonly Bounds[]): string {
  return bounds
    .map(({ startPort, endPort }) =>
      startPort === endPort ? `${startPort}` : `${startPort}-${endPort}`,
    )
    .join(',')
}
