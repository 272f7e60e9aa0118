import { intersection, merged, without } from '../bounds.js'
import type { Bounds } from '../PortRange.js'
import { readKernelPorts } from './kernelPorts.js'

/** Numbers that the kernel may give to an outgoing connection before a service binds them. */
export interface EphemeralOverlap {
  /** The range from which the kernel takes such numbers. */
  readonly ephemeral: Bounds
  /**
   * The numbers asked for that are among them, in the kernel's notation: `3000,3100-3199`.
   */
  readonly exposed: string
  /**
   * The value of `net.ipv4.ip_local_reserved_ports` that reserves those in addition to its current
   * ones.
   */
  readonly reservedPorts: string
}

/**
 * The numbers of these ranges that this host's kernel may use for outgoing connections of TCP and
 * UDP, except those reserved already. Undefined if there are none, or if the system does not show
 * them.
 */
export async function ephemeralOverlap(
  ranges: readonly Bounds[],
  directory?: string,
): Promise<EphemeralOverlap | undefined> {
  const kernel = await readKernelPorts(directory)
  if (!kernel) return undefined
  const { ephemeral, reserved } = kernel
  const asked = ranges.flatMap((range) => intersection(range, ephemeral))
  const exposed = without(merged(asked), reserved)
  if (exposed.length === 0) return undefined
  return {
    ephemeral,
    exposed: spelt(exposed),
    reservedPorts: spelt(merged([...reserved, ...exposed])),
  }
}

function spelt(bounds: readonly Bounds[]): string {
  return bounds
    .map(({ startPort, endPort }) =>
      startPort === endPort ? `${startPort}` : `${startPort}-${endPort}`,
    )
    .join(',')
}
