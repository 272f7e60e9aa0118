import type { Scope } from './PortAllocation.js'
import type { PortRange } from './PortRange.js'

/** Every code, and the exit status of a command that fails with it. */
export const EXIT_STATUS = {
  INVALID_ARGUMENT: 2,
  PROJECT_NOT_FOUND: 3,
  RANGE_EXHAUSTED: 4,
  PORT_TAKEN: 4,
  PORT_OUT_OF_RANGE: 4,
  RANGE_OVERLAP: 4,
  RANGE_IN_USE: 4,
  DATABASE_UNAVAILABLE: 5,
  OUTCOME_UNKNOWN: 5,
  BUSY: 5,
  DATABASE_NOT_MIGRATED: 5,
  UNVERIFIABLE: 6,
} as const

export type PortsErrorCode = keyof typeof EXIT_STATUS

export type ErrorDetails = Readonly<Record<string, unknown>>

/**
 * What every method here rejects with when something foreseeable is wrong. `code` and `details`
 * are for programs; `message` is for people and says what happened and what to do next, in words
 * that fit every interface: which command or tool does it, each interface adds. Anything else that is
 * thrown is a bug.
 */
export class PortsError extends Error {
  override readonly name = 'PortsError'
  readonly code: PortsErrorCode
  readonly details: ErrorDetails

  constructor(
    code: PortsErrorCode,
    message: string,
    details: ErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.code = code
    this.details = details
  }
}

/** The value as a message can show it: one line, of bounded length, control characters escaped. */
function shown(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number' || value === undefined) return String(value)
  let text: string
  try {
    text = JSON.stringify(value) ?? String(value)
  } catch {
    text = String(value)
  }
  const visible = text.replace(INVISIBLE, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  const characters = [...visible]
  return characters.length > 80 ? `${characters.slice(0, 77).join('')}…"` : visible
}

/** What could command a terminal or turn text around, beyond what JSON escapes. */
const INVISIBLE = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

export function invalidArgument(field: string, value: unknown, expected: string): PortsError {
  return new PortsError(
    'INVALID_ARGUMENT',
    `${field} is ${shown(value)}, but must be ${expected}.`,
    { field, value: typeof value === 'bigint' ? String(value) : value },
  )
}

export function projectNotFound(
  projectName: string,
  knownProjects: readonly string[],
  cause?: unknown,
): PortsError {
  const known =
    knownProjects.length > 0 ? `known projects: ${knownProjects.join(', ')}` : 'no project has one'
  return new PortsError(
    'PROJECT_NOT_FOUND',
    `${projectName} has no port range; ${known}.`,
    { projectName, knownProjects },
    { cause },
  )
}

export interface ExhaustedRange extends PortRange {
  readonly hostname: string
  readonly protocol: string
}

/** The ranges next to a range, where there are any. */
export interface Neighbours {
  readonly below?: PortRange
  readonly above?: PortRange
}

/** @param neighbours absent where they are not known */
export function rangeExhausted(
  range: ExhaustedRange,
  neighbours?: Neighbours,
  cause?: unknown,
): PortsError {
  const { projectName, startPort, endPort, hostname, protocol } = range
  const total = endPort - startPort + 1
  const widest = neighbours && widestBounds(range, neighbours)
  return new PortsError(
    'RANGE_EXHAUSTED',
    `All ${total} ports of ${projectName} (${startPort}-${endPort}) are held on ` +
      `${hostname}/${protocol}. ${wayOut(range, neighbours, widest)}`,
    {
      projectName,
      range: { startPort, endPort },
      ...(widest && { widest, neighbours }),
      hostname,
      protocol,
      totalPorts: total,
      allocatedPorts: total,
      availablePorts: 0,
    },
    { cause },
  )
}

interface Bounds {
  readonly startPort: number
  readonly endPort: number
}

function widestBounds({ startPort, endPort }: Bounds, { below, above }: Neighbours): Bounds {
  return {
    // A range is not widened into the System Ports, which need a privilege to be bound.
    startPort: Math.min(startPort, Math.max(FIRST_USER_PORT, (below?.endPort ?? 0) + 1)),
    endPort: above ? above.startPort - 1 : Math.max(endPort, LAST_PORT),
  }
}

/** RFC 6335, section 6. */
const FIRST_USER_PORT = 1024
const LAST_PORT = 65535

function wayOut(range: Bounds, neighbours?: Neighbours, widest?: Bounds): string {
  const release = 'Release one that is no longer needed'
  if (!widest || !neighbours) return `${release}, or widen the range.`
  if (widest.startPort < range.startPort || widest.endPort > range.endPort) {
    return `${release}, or widen the range: ${widest.startPort}-${widest.endPort} would overlap no other.`
  }
  const { below, above } = neighbours
  const limits = [
    below && `${below.endPort} is the last port of ${below.projectName}`,
    above && `${above.startPort} the first of ${above.projectName}`,
  ].filter((limit) => limit !== undefined)
  const why = limits.length > 0 ? `, for ${limits.join(' and ')}` : ''
  return `${release}; the range cannot be widened${why}.`
}

export function noFreeBlock(size: number, searched: { startPort: number; endPort: number }) {
  return new PortsError(
    'RANGE_EXHAUSTED',
    `No free block of ${size} ports that starts on a multiple of ${size} is left in ` +
      `${searched.startPort}-${searched.endPort}. Ask for a smaller one, or name its first and last port.`,
    { size, range: searched },
  )
}

export function rangeOverlap(
  wanted: { projectName: string; startPort?: number; endPort?: number },
  standing: PortRange,
  cause?: unknown,
): PortsError {
  const { projectName, startPort, endPort } = standing
  const message =
    projectName === wanted.projectName
      ? `${projectName} has a range already, ${startPort}-${endPort}. Resize that instead.`
      : `${wanted.startPort}-${wanted.endPort} would overlap ${startPort}-${endPort} of ` +
        `${projectName}. Choose other numbers.`
  return new PortsError('RANGE_OVERLAP', message, { wanted, range: standing }, { cause })
}

export interface RangeHolder {
  readonly serviceName: string
  readonly portNumber: number
  readonly hostname: string
  readonly protocol: string
}

/**
 * @param holders the first few of `count`
 * @param bounds those that the range was to have; absent where it was to be deleted
 */
export function rangeInUse(
  projectName: string,
  holders: readonly RangeHolder[],
  count: number,
  bounds?: { readonly startPort: number; readonly endPort: number },
  cause?: unknown,
): PortsError {
  const named = holders
    .map(
      (holder) =>
        `${holder.portNumber} ${holder.serviceName} (${holder.hostname}/${holder.protocol})`,
    )
    .join(', ')
  const more = count > holders.length ? ` and ${count - holders.length} more` : ''
  const where = bounds ? ` ports outside ${bounds.startPort}-${bounds.endPort}:` : ''
  return new PortsError(
    'RANGE_IN_USE',
    `${projectName} still holds${where} ${named}${more}. Release ${count === 1 ? 'it' : 'them'} first.`,
    { projectName, allocations: holders, count, ...(bounds && { bounds }) },
    { cause },
  )
}

export function unverifiable(scope: Scope & { readonly port: number }): PortsError {
  const { port, hostname, protocol } = scope
  const hint =
    protocol === 'udp'
      ? 'UDP of another host does not answer a probe; run the check on that host.'
      : 'Is the host up, its name resolvable and its firewall open?'
  return new PortsError(
    'UNVERIFIABLE',
    `Whether something listens on ${hostname}:${port}/${protocol} cannot be told from here. ${hint}`,
    { port, hostname, protocol },
  )
}
