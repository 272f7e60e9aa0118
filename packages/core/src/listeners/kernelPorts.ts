import { readFile } from 'node:fs/promises'
import type { Bounds } from '../PortRange.js'

/** The numbers that a kernel chooses by itself, and those that it does not choose. */
export interface KernelPorts {
  /** The range from which it takes the numbers of outgoing connections, for TCP and UDP. */
  readonly ephemeral: Bounds
  /** Numbers that it never takes, even within that range. */
  readonly reserved: readonly Bounds[]
}

/**
 * The settings of Linux for this process's network namespace, or undefined if it does not show
 * them: `ip_local_port_range` and `ip_local_reserved_ports` of the kernel's
 * Documentation/networking/ip-sysctl.rst.
 */
export async function readKernelPorts(
  directory = '/proc/sys/net/ipv4',
): Promise<KernelPorts | undefined> {
  const settings = await Promise.all([
    readFile(`${directory}/ip_local_port_range`, 'latin1'),
    readFile(`${directory}/ip_local_reserved_ports`, 'latin1'),
  ]).catch(() => undefined)
  if (!settings) return undefined
  const ephemeral = parseEnds(settings[0])
  return ephemeral && { ephemeral, reserved: parseReserved(settings[1]) }
}

/** Parses the first and the last number of a range, with white space between them. */
export function parseEnds(text: string): Bounds | undefined {
  const [startPort, endPort] = text.trim().split(/\s+/).map(Number)
  return startPort && endPort ? { startPort, endPort } : undefined
}

/** Parses a list like `8080,9148-9150`. */
function parseReserved(list: string): Bounds[] {
  const parts = list.trim() === '' ? [] : list.trim().split(',')
  return parts.map((part) => {
    const [first, last = first] = part.split('-').map(Number)
    return { startPort: first!, endPort: last! }
  })
}
