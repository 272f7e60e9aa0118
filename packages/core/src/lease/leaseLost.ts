import { PortsError } from '../errors.js'
import { nameOfService, type Service } from '../PortAllocation.js'

/** A holding that has ended, or a service that has no lease there. */
export interface Lost extends Service {
  readonly hostname: string
  /** Null if the call named no holding. */
  readonly allocationId: string | null
}

export function leaseLost(lost: Lost, cause?: unknown): PortsError {
  const { hostname, allocationId } = lost
  const what =
    allocationId === null
      ? `${nameOfService(lost)} has no such lease on ${hostname}`
      : `${nameOfService(lost)} does not hold the allocation ${allocationId} on ${hostname}`
  return new PortsError(
    'LEASE_LOST',
    `${what}: it has ended, or was released. Somebody else may have the number by now. Stop using ` +
      'it, and ask for a port again.',
    { ...lost },
    { cause },
  )
}
