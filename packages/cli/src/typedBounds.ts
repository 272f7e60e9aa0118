import { type Bounds, invalidArgument } from '@ports/core'
import { typedNumber } from './typedNumber.js'

/**
 * The numbers that were typed: `3150-3159`, or one number.
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export function typedBounds(text: string): Bounds {
  const [, start, end = start] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? []
  if (start === undefined) {
    throw invalidArgument('ports', text, 'a number, or the first and the last, such as 3150-3159')
  }
  return { startPort: typedNumber(start), endPort: typedNumber(end!) }
}
