import type { CallOptions } from '../CallOptions.js'
import { portOutOfRange } from '../errors.js'
import { PROTOCOLS } from '../PortAllocation.js'
import type { PortManager } from '../PortManager.js'
import type { Bounds, PortRange } from '../PortRange.js'
import { portReserved } from '../reservation/portReserved.js'
import type { ProjectService } from './ProjectFile.js'

/**
 * Refuses services whose fixed port is outside the project's ranges and cannot be added to them.
 * Runs before anything is stored, because a range that was created for the number would remain.
 * @param ranges those of all projects
 * @throws {PortsError} `PORT_OUT_OF_RANGE`, `PORT_RESERVED`
 */
export async function refuseUnavailable(
  ports: PortManager,
  projectName: string,
  ranges: readonly PortRange[],
  services: readonly ProjectService[],
  options: CallOptions,
): Promise<void> {
  const { hostname } = ports.scope()
  const onHost = ranges.filter((it) => (it.hostname ?? hostname) === hostname)
  const own = onHost.filter((it) => it.projectName === projectName)
  const fixed = services.flatMap(({ port, protocols = ['tcp'] }) =>
    port === undefined || own.some((it) => includes(it, port)) ? [] : [{ port, protocols }],
  )
  if (fixed.length === 0) return
  const reservations = await ports.listReservations(options)
  for (const { port: portNumber, protocols } of fixed) {
    // A range that is created for the number would be one on every host.
    if (ranges.some((it) => includes(it, portNumber))) {
      const owner = onHost.find((it) => includes(it, portNumber))?.projectName ?? null
      throw portOutOfRange({ projectName, hostname, portNumber, owner, ranges: own })
    }
    for (const protocol of PROTOCOLS.filter((each) => protocols.includes(each))) {
      const reserved = reservations.find(
        (it) =>
          (it.hostname ?? hostname) === hostname &&
          (it.protocol ?? protocol) === protocol &&
          includes(it, portNumber),
      )
      if (!reserved) continue
      const { startPort, endPort, reason, reservedBy = null, endsAt } = reserved
      const until = endsAt?.toISOString() ?? null
      const numbers = { portNumber, hostname, protocol, startPort, endPort }
      throw portReserved({ ...numbers, reason, reservedBy, endsAt: until })
    }
  }
}

function includes({ startPort, endPort }: Bounds, number: number): boolean {
  return startPort <= number && number <= endPort
}
