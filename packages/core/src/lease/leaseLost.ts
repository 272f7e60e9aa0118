import { PortsError } from '../errors.js'
import { nameOfService, type Protocol, type Service } from '../PortAllocation.js'

/** A holding that has ended, or a service that has no lease there. */
export interface Lost extends Service {
  readonly hostname: string
  /** Null if the call named none. */
  readonly protocol: Protocol | null
  /** Null if the call named none. */
  readonly portNumber: number | null
  /** Null if the call named no holding. */
  readonly allocationId: string | null
}

export function leaseLost(lost: Lost, cause?: unknown): PortsError {
  return new PortsError(
    'LEASE_LOST',
    `${nameOfService(lost)} ${sentences(lost)}`,
    { ...lost },
    { cause },
  )
}

/** Without an id it is unknown whether there ever was a lease. */
function sentences({ hostname, protocol, portNumber, allocationId }: Lost): string {
  const where = protocol === null ? hostname : `${hostname}/${protocol}`
  if (allocationId !== null) {
    return (
      `does not hold allocation ${allocationId} on ${where}: it has ended or was released. ` +
      'Somebody else may have the number by now. Stop using it, and ask for a port again.'
    )
  }
  const what = portNumber === null ? 'no leased port' : `no lease on port ${portNumber}`
  return (
    `holds ${what} on ${where}. If it had one, the lease has ended or the port was released. ` +
    'Somebody else may have the number by now. Stop using it, and ask for a port again.'
  )
}
