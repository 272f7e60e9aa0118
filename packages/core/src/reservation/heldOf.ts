import type { AllocationStore, ListQuery } from '../AllocationStore.js'
import type { CallOptions } from '../CallOptions.js'
import { PortsError } from '../errors.js'
import type { PortAllocation } from '../PortAllocation.js'
import type { Bounds } from '../PortRange.js'

/**
 * The live allocations of numbers that were reserved just now.
 * @throws {PortsError} `OUTCOME_UNKNOWN` if they cannot be read, because the numbers are reserved
 */
export async function heldOf(
  store: AllocationStore,
  query: ListQuery & { readonly bounds: Bounds },
  call: CallOptions,
): Promise<readonly PortAllocation[]> {
  const { allocations } = await store.list(query, call).catch((error) => {
    throw error instanceof PortsError ? unread(query.bounds, error) : error
  })
  return allocations
}

function unread({ startPort, endPort }: Bounds, cause: PortsError): PortsError {
  return new PortsError(
    'OUTCOME_UNKNOWN',
    `${startPort}-${endPort} were reserved, but the ports that are held there could not be read ` +
      `afterwards (${cause.message.replace(/\.$/, '')}). Reserve them again: that does no harm.`,
    {},
    { cause },
  )
}
