import { isAbsent } from '../absent.js'
import { cannotCombine, invalidArgument } from '../errors.js'
import type { LocalHost } from '../localHost.js'
import { validName } from '../name.js'
import { type Bounds, LARGEST_BLOCK, LARGEST_ENSURED_BLOCK, type PortRange } from '../PortRange.js'
import type { BlockRequest, HostBlockRequest } from '../RangeStore.js'
import { MAX_LENGTH, validCount, validObject, validPort, validText } from '../validate.js'

export type NewRange =
  | PortRange
  | HostBlockRequest
  // A block of the default size.
  | Omit<HostBlockRequest, 'size'>

export interface NewRangeNumbers extends Bounds {
  /** The only host on which the project is to own them. Default: every host. */
  readonly hostname?: string
  readonly description?: string
}

/** @param standardSize the size of a range that is given by neither its size nor its ends */
export function validNewRange(
  range: NewRange,
  standardSize: number,
  localHost: LocalHost,
): PortRange | HostBlockRequest {
  validObject('range', range, 'an object with a projectName, and a size or startPort and endPort')
  const named = {
    projectName: validName('projectName', range.projectName),
    ...binding(range, localHost),
    ...describing(range),
  }
  const size = sizeOf(range, standardSize)
  return size === undefined ? { ...named, ...validBounds(range as Bounds) } : { ...named, size }
}

export function validAddedRange(
  projectName: string,
  range: NewRangeNumbers,
  localHost: LocalHost,
): PortRange {
  validObject('range', range, 'an object with startPort and endPort')
  return {
    projectName: validName('projectName', projectName),
    ...validBounds(range),
    ...binding(range, localHost),
    ...describing(range),
  }
}

export function validBlock(
  projectName: string,
  block: { readonly size?: number; readonly description?: string },
  standardSize: number,
): BlockRequest {
  const { size } = validObject('block', block, 'an object with a size')
  return {
    projectName: validName('projectName', projectName),
    size:
      size === undefined || size === null
        ? standardSize
        : validCount('size', size, LARGEST_ENSURED_BLOCK),
    ...describing(block),
  }
}

export function validBounds(bounds: Bounds): Bounds {
  validObject('bounds', bounds, 'an object with startPort and endPort')
  const startPort = validPort('startPort', bounds.startPort)
  const endPort = validPort('endPort', bounds.endPort)
  if (endPort < startPort) {
    throw invalidArgument('endPort', endPort, `at least the startPort, ${startPort}`)
  }
  return { startPort, endPort }
}

function binding({ hostname }: { readonly hostname?: string }, localHost: LocalHost) {
  return isAbsent(hostname) ? {} : { hostname: localHost.resolve('hostname', hostname) }
}

function describing({ description }: { readonly description?: string }) {
  return isAbsent(description)
    ? {}
    : { description: validText('description', description, MAX_LENGTH.description) }
}

/** Undefined for a range that is given by its ends. */
function sizeOf(range: NewRange, standardSize: number): number | undefined {
  const { size, startPort, endPort } = range as { [Field in 'size' | keyof PortRange]?: unknown }
  const hasEnds = (startPort ?? endPort ?? undefined) !== undefined
  if (hasEnds) {
    if (size === undefined || size === null) return undefined
    throw cannotCombine('size', size, 'startPort or endPort')
  }
  return 'size' in range ? validCount('size', size, LARGEST_BLOCK) : standardSize
}
