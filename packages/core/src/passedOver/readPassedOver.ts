import { without } from '../bounds.js'
import type { KernelPorts } from '../listeners/kernelPorts.js'
import type { Protocol } from '../PortAllocation.js'
import type { Bounds } from '../PortRange.js'
import { BLOCKED_PORTS } from './blockedPorts.js'
import { lookAtHost } from './lookAtHost.js'
import { PassedOver } from './PassedOver.js'
import { platformPorts } from './platformPorts.js'
import type { CannotSee } from './reasons.js'

export interface PassedOverQuery {
  readonly protocol: Protocol
  /** Whether the scope is on this host. Of another host only the blocked ports are known. */
  readonly isLocal: boolean
  /** Whether this process is in the network namespace of the host's services. */
  readonly seesServices: () => Promise<boolean>
}

/**
 * The numbers that are not allocated automatically in a scope. What cannot be seen from here is
 * told, and nothing is passed over for it.
 * @throws what `seesServices` throws
 */
export async function readPassedOver(query: PassedOverQuery): Promise<PassedOver> {
  const { protocol, isLocal, seesServices } = query
  const blocked = protocol === 'tcp' ? singles(BLOCKED_PORTS) : []
  if (!isLocal) return new PassedOver({ blocked })
  const [{ listeners, kernelPorts }, sees] = await Promise.all([lookAtHost(), seesServices()])
  const cannotSee: CannotSee[] = []
  if (!listeners) cannotSee.push('tables-unreadable')
  if (!kernelPorts) cannotSee.push('settings-unreadable')
  // Both are settings of a network namespace.
  if (!sees && (listeners || kernelPorts)) cannotSee.push('other-network')
  return new PassedOver(
    {
      blocked,
      platform: protocol === 'tcp' ? singles(platformPorts()) : [],
      ...(sees && listeners && { busy: singles(listeners.ports(protocol)) }),
      ...(sees && kernelPorts && ofKernel(kernelPorts)),
    },
    cannotSee,
  )
}

/**
 * Numbers of the ephemeral range that are reserved are neither: no outgoing connection gets them,
 * and reserving them is how a range there is made safe to use. Elsewhere the kernel would take none
 * anyway, so a reservation only says that an application has the number.
 */
function ofKernel({ ephemeral, reserved }: KernelPorts) {
  return {
    ephemeral: without([ephemeral], reserved),
    'kernel-reserved': without(reserved, [ephemeral]),
  }
}

function singles(ports: readonly number[]): Bounds[] {
  return ports.map((port) => ({ startPort: port, endPort: port }))
}
