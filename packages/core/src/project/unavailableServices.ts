import type { CallOptions } from '../CallOptions.js'
import { type PortsError, portOutOfRange } from '../errors.js'
import { PROTOCOLS } from '../PortAllocation.js'
import type { PortManager } from '../PortManager.js'
import type { Bounds, PortRange } from '../PortRange.js'
import { portReserved } from '../reservation/portReserved.js'
import type { ProjectService } from './ProjectFile.js'

/**
 * The services whose fixed port is outside the project's ranges and cannot be added to them, each
 * with its `PORT_OUT_OF_RANGE` or `PORT_RESERVED`. They are found out before anything is stored,
 * because a range that was created for the number would remain.
 * @param ranges those of all projects
 */
export async function unavailableServices(
  ports: PortManager,
  projectName: string,
  ranges: readonly PortRange[],
  services: readonly (readonly [name: string, service: ProjectService])[],
  options: CallOptions,
): Promise<ReadonlyMap<string, PortsError>> {
  const { hostname } = ports.scope()
  const onHost = ranges.filter((it) => (it.hostname ?? hostname) === hostname)
  const own = onHost.filter((it) => it.projectName === projectName)
  const fixed = services.flatMap(([name, { port, protocols = ['tcp'] }]) =>
    port === undefined || own.some((it) => includes(it, port)) ? [] : [{ name, port, protocols }],
  )
  const unavailable = new Map<string, PortsError>()
  if (fixed.length === 0) return unavailable
  const reservations = await ports.listReservations(options)
  for (const { name, port: portNumber, protocols } of fixed) {
    // A range that is created for the number would be one on every host.
    if (ranges.some((it) => includes(it, portNumber))) {
      const owner = onHost.find((it) => includes(it, portNumber))?.projectName ?? null
      const outside = { projectName, hostname, portNumber, owner, ranges: own }
      unavailable.set(name, portOutOfRange(outside))
      continue
    }
    for (const protocol of PROTOCOLS.filter((each) => protocols.includes(each))) {
      const reserved = reservations.find(
        (it) =>
          (it.hostname ?? hostname) === hostname &&
          (it.protocol ?? protocol) === protocol &&
          includes(it, portNumber),
      )
      if (!reserved || unavailable.has(name)) continue
      const { startPort, endPort, reason, reservedBy = null, endsAt } = reserved
      const until = endsAt?.toISOString() ?? null
      const numbers = { portNumber, hostname, protocol, startPort, endPort }
      unavailable.set(name, portReserved({ ...numbers, reason, reservedBy, endsAt: until }))
    }
  }
  return unavailable
}

function includes({ startPort, endPort }: Bounds, number: number): boolean {
  return startPort <= number && number <= endPort
}
