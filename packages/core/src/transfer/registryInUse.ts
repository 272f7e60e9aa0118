import { counted } from '../counted.js'
import { PortsError } from '../errors.js'

/** A registry that holds ports cannot be replaced by a document. */
export function registryInUse(count: number, cause?: unknown): PortsError {
  return new PortsError(
    'RANGE_IN_USE',
    `The registry holds ${counted(count, 'port')}, and a document is loaded only into one that ` +
      'holds none. Import the ports of the document instead.',
    { count },
    { cause },
  )
}
