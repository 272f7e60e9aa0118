import { without } from '../bounds.js'
import type { KernelPorts } from '../listeners/kernelPorts.js'
import type { Protocol } from '../PortAllocation.js'
import type { Bounds } from '../PortRange.js'
import { BLOCKED_PORTS } from './blockedPorts.js'
import type { HostLook } from './lookAtHost.js'
import { PassedOver } from './PassedOver.js'
import { platformPorts } from './platformPorts.js'
import type { CannotSee } from './reasons.js'

interface ThisHost extends HostLook {
  readonly protocol: Protocol
  /** Whether the look was in the network namespace of the host's services. */
  readonly seesServices: boolean
  readonly platform: NodeJS.Platform
}

/** Passes over no numbers of a kind that cannot be seen. `cannotSee` lists those kinds. */
export function passedOverOnThisHost(seen: ThisHost): PassedOver {
  const { protocol, listening, kernelPorts, seesServices, platform } = seen
  const cannotSee: CannotSee[] = []
  if (!listening) cannotSee.push('tables-unreadable')
  if (!kernelPorts) cannotSee.push('settings-unreadable')
  if (!seesServices && (listening || kernelPorts)) cannotSee.push('other-network')
  return new PassedOver(
    {
      blocked: blockedPorts(protocol),
      platform: protocol === 'tcp' ? singles(platformPorts(platform)) : [],
      ...(seesServices && listening && { busy: singles(listening) }),
      ...(seesServices && kernelPorts && ofKernel(kernelPorts)),
    },
    cannotSee,
  )
}

/** Passes over only blocked ports, because nothing else is known of another host. */
export function passedOverOnAnotherHost(protocol: Protocol): PassedOver {
  return new PassedOver({ blocked: blockedPorts(protocol) })
}

function blockedPorts(protocol: Protocol): Bounds[] {
  return protocol === 'tcp' ? singles(BLOCKED_PORTS) : []
}

/**
 * Reserved numbers within the ephemeral range are not passed over: no outgoing connection gets
 * them, and a range there is made safe by reserving its numbers. The kernel takes no numbers
 * outside the ephemeral range, so a reservation there only says that an application has the number.
 */
function ofKernel(kernel: KernelPorts) {
  return {
    ephemeral: ephemeralNumbers(kernel),
    'kernel-reserved': without(kernel.reserved, [kernel.ephemeral]),
  }
}

/** The numbers that the kernel may give to outgoing connections. */
export function ephemeralNumbers({ ephemeral, reserved }: KernelPorts): Bounds[] {
  return without([ephemeral], reserved)
}

function singles(ports: readonly number[]): Bounds[] {
  return ports.map((port) => ({ startPort: port, endPort: port }))
}
