import { counted } from '../counted.js'
import { PortsError } from '../errors.js'
import { nameOfService } from '../PortAllocation.js'
import type { RangeHolder } from '../range/rangeErrors.js'

/** A port that is held in the registry. */
export interface RegistryHolder extends RangeHolder {
  readonly projectName: string
}

/**
 * A registry that holds ports cannot be replaced by a document.
 * @param holders the first few of `count`
 */
export function registryInUse(
  count: number,
  holders: readonly RegistryHolder[],
  cause?: unknown,
): PortsError {
  const named = holders.map(
    (holder) =>
      `${holder.portNumber} ${nameOfService(holder)} (${holder.hostname}/${holder.protocol})`,
  )
  const more = count > holders.length ? ` and ${count - holders.length} more` : ''
  return new PortsError(
    'RANGE_IN_USE',
    `The registry holds ${counted(count, 'port')}: ${named.join(', ')}${more}. A document can be ` +
      'loaded only into a registry that holds none. Import the ports of the document instead.',
    { count, holders },
    { cause },
  )
}
