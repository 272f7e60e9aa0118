import { intersection } from '../bounds.js'
import { PortsError } from '../errors.js'
import type { Bounds, PortRange } from '../PortRange.js'
import { nameOfRange } from './nameOfRange.js'

export function noFreeBlock(size: number, searched: { startPort: number; endPort: number }) {
  const where = `${searched.startPort}-${searched.endPort}`
  return new PortsError(
    'RANGE_EXHAUSTED',
    size === 1
      ? `No free port is left in ${where}. Name the first and last port of the range.`
      : `No free block of ${size} ports that starts on a multiple of ${size} is left in ${where}. ` +
          'Ask for a smaller one, or name its first and last port.',
    { size, range: searched },
  )
}

/** The numbers that a range was to have. Without ends, those of a free block. */
export interface WantedRange extends Partial<Bounds> {
  readonly projectName: string
  readonly hostname?: string
}

export function rangeOverlap(
  wanted: WantedRange,
  standing: PortRange,
  cause?: unknown,
): PortsError {
  const { projectName } = standing
  const { startPort, endPort, hostname } = wanted
  const overlaps =
    startPort !== undefined &&
    endPort !== undefined &&
    intersection({ startPort, endPort }, standing).length > 0
  const message = overlaps
    ? `${nameOfRange({ startPort, endPort, ...(hostname && { hostname }) })} would overlap ` +
      `${nameOfRange(standing)} of ${projectName}. Choose other numbers.`
    : `${projectName} already has a range, ${nameOfRange(standing)}. Resize it, or add another range.`
  return new PortsError('RANGE_OVERLAP', message, { wanted, range: standing }, { cause })
}

/** A range that was wanted, and the one that stands in its way. */
export interface Overlap {
  readonly wanted: WantedRange
  readonly range: PortRange
}

/**
 * Ranges of a document that others stand in the way of.
 * @param overlaps the first few of `count`
 */
export function rangesOverlap(
  overlaps: readonly Overlap[],
  count: number,
  cause?: unknown,
): PortsError {
  const [first] = overlaps
  if (first && count === 1) return rangeOverlap(first.wanted, first.range, cause)
  const lines = overlaps.map(
    ({ wanted, range }) =>
      `${nameOfRange(wanted as PortRange)} of ${wanted.projectName} would overlap ` +
      `${nameOfRange(range)} of ${range.projectName}`,
  )
  const more = count > overlaps.length ? [`and ${count - overlaps.length} more`] : []
  return new PortsError(
    'RANGE_OVERLAP',
    `${count} ranges overlap others, so nothing was loaded. Delete the ranges that stand in the ` +
      `way, or change the document.\n${[...lines, ...more].join('\n')}`,
    { ...first, count, overlaps },
    { cause },
  )
}

export interface RangeHolder {
  readonly serviceName: string
  readonly instance: string
  readonly portNumber: number
  readonly hostname: string
  readonly protocol: string
}

/** The intended change of one range of a project. */
export interface RangeChange {
  /** The bounds that it was to have. Absent if it was to be removed. */
  readonly bounds?: Bounds
}

/**
 * @param holders the first few of `count`
 * @param change absent if all ranges of the project were to be deleted
 */
export function rangeInUse(
  projectName: string,
  holders: readonly RangeHolder[],
  count: number,
  change?: RangeChange,
  cause?: unknown,
): PortsError {
  const { bounds } = change ?? {}
  const named = holders
    .map(
      (holder) =>
        `${holder.portNumber} ${holder.serviceName}${holder.instance && `@${holder.instance}`} ` +
        `(${holder.hostname}/${holder.protocol})`,
    )
    .join(', ')
  const more = count > holders.length ? ` and ${count - holders.length} more` : ''
  const where = change ? ' ports that would be outside its ranges:' : ''
  return new PortsError(
    'RANGE_IN_USE',
    `${projectName} still holds${where} ${named}${more}. Release ${count === 1 ? 'it' : 'them'} first.`,
    { projectName, allocations: holders, count, ...(bounds && { bounds }) },
    { cause },
  )
}

/** A choice of a range that matches none or several ranges of the project. */
export interface UnclearRange {
  readonly projectName: string
  readonly startPort: number | null
  readonly hostname: string | null
  /** All ranges of the project. */
  readonly ranges: readonly (Bounds & { readonly hostname?: string })[]
}

/** @param change the resizing or removal that did not name one range */
export function unclearRange(
  unclear: UnclearRange,
  change: RangeChange = {},
  cause?: unknown,
): PortsError {
  const { projectName, startPort, hostname, ranges } = unclear
  const of = startPort === null ? '' : ` that starts at ${startPort}`
  const on = hostname === null ? '' : ` on ${hostname}`
  const isMissing = !ranges.some(
    (range) =>
      (startPort === null || range.startPort === startPort) &&
      (hostname === null || range.hostname === hostname),
  )
  // The argument of resizeRange or removeRange that names a range by its first port.
  const first = change.bounds ? 'from' : 'startPort'
  const what = isMissing
    ? `${projectName} has no range${of}${on}`
    : `${projectName} has more than one range${of}${on}`
  return new PortsError(
    'INVALID_ARGUMENT',
    `${what}. Name one by its first port${startPort === null ? '' : ' and its host'}: ` +
      `${ranges.map(nameOfRange).join(', ')}.`,
    { field: startPort === null || isMissing ? first : 'hostname', ...unclear },
    { cause },
  )
}
