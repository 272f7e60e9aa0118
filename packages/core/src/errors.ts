import { counted } from './counted.js'
import { detail, shown, shownName } from './excerpt.js'
import type { PortSighting, UnknownReason } from './listeners/Sighting.js'
import { nearestNames } from './nearestNames.js'
import {
  nameOfService,
  type Protocol,
  type ReleasedPort,
  type ServiceKey,
} from './PortAllocation.js'
import type { Bounds, PortRange } from './PortRange.js'
import { nameOfRange } from './range/nameOfRange.js'
import { toSeconds } from './toSeconds.js'

/** Every code, and the exit status of a command that fails with it. */
export const EXIT_STATUS = {
  INVALID_ARGUMENT: 2,
  PROJECT_NOT_FOUND: 3,
  RANGE_EXHAUSTED: 4,
  PORT_TAKEN: 4,
  PORT_RESERVED: 4,
  LEASE_LOST: 4,
  PORT_OUT_OF_RANGE: 4,
  PORT_IN_USE: 4,
  RANGE_OVERLAP: 4,
  RANGE_IN_USE: 4,
  LAYOUT_MISMATCH: 4,
  DATABASE_UNAVAILABLE: 5,
  OUTCOME_UNKNOWN: 5,
  BUSY: 5,
  DATABASE_NOT_MIGRATED: 5,
  REGISTRY_TOO_NEW: 5,
  SANDBOXED: 5,
  NO_REGISTRY: 5,
  UNVERIFIABLE: 6,
  LIMIT_REACHED: 7,
} as const

export type PortsErrorCode = keyof typeof EXIT_STATUS

export type ErrorDetails = Readonly<Record<string, unknown>>

/**
 * The error with which every method rejects if something foreseeable is wrong. `code` and `details`
 * are for programs; `message` is for people and says what happened and what to do next, in words
 * that fit every interface. Each interface adds the command or tool to use. Anything else that is
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

/** @param suggestion what to write instead, if that is clear */
export function invalidArgument(
  field: string,
  value: unknown,
  expected: string,
  suggestion?: string,
): PortsError {
  const such = suggestion === undefined ? '' : `, such as ${suggestion}`
  return new PortsError(
    'INVALID_ARGUMENT',
    `${shownName(field)} is ${shown(value)}, but must be ${expected}${such}.`,
    {
      field: shownName(field),
      value: detail(value),
      ...(suggestion !== undefined && { suggestion }),
    },
  )
}

/** @param other the argument with which `field` excludes itself */
export function cannotCombine(field: string, value: unknown, other: string): PortsError {
  return new PortsError(
    'INVALID_ARGUMENT',
    `${shownName(field)} cannot be combined with ${other}.`,
    {
      field: shownName(field),
      value: detail(value),
    },
  )
}

/**
 * A registry may have thousands of projects; a caller who mistyped one needs only the nearest
 * names.
 */
const MAX_KNOWN_PROJECTS = 20

/**
 * If there are many known projects, it names only those whose names are nearest to the one asked
 * for.
 */
export function projectNotFound(
  projectName: string,
  knownProjects: readonly string[],
  cause?: unknown,
): PortsError {
  const count = knownProjects.length
  const nearest = nearestNames(projectName, knownProjects, MAX_KNOWN_PROJECTS)
  const known =
    count === 0
      ? 'no project has one'
      : count === nearest.length
        ? `known projects: ${nearest.join(', ')}`
        : `known projects, nearest names first: ${nearest.join(', ')} and ${count - nearest.length} more`
  return new PortsError(
    'PROJECT_NOT_FOUND',
    `${projectName} has no port range; ${known}.`,
    { projectName, knownProjects: nearest, knownProjectsCount: count },
    { cause },
  )
}

/** A project without an available number in a scope. */
export interface Exhausted {
  readonly projectName: string
  /** The ranges that count in the scope, by start port. */
  readonly ranges: readonly Bounds[]
  /** The other hosts on which the project has ranges of their own. */
  readonly elsewhere: readonly string[]
  readonly hostname: string
  readonly protocol: string
  /** How many numbers are available only to a claim that says so, because they are reserved. */
  readonly reserved: number
  /** How many numbers rest, so that only the services that held them last can get them now. */
  readonly resting: number
  /** ISO 8601: when the first of them is available to everyone. Null if none rests. */
  readonly firstFreeAt: string | null
  /** How long a number of the project rests after its release. */
  readonly restSeconds: number
  /** How many other numbers are available, but only if they are asked for. */
  readonly avoided: number
}

/** The ranges next to a range that would be in its way, where there are any. */
interface Neighbours {
  readonly below?: PortRange
  readonly above?: PortRange
}

/** A range, with the host that it is bound to, and its neighbours. */
export interface Surrounded {
  readonly range: HostBounds
  readonly neighbours: Neighbours
}

type HostBounds = Bounds & Pick<PortRange, 'hostname'>

/** @param surrounded the ranges that may be widened, by start port; absent if they are not known */
export function rangeExhausted(
  exhausted: Exhausted,
  surrounded: readonly Surrounded[] = [],
  cause?: unknown,
): PortsError {
  const { projectName, ranges, elsewhere, hostname, protocol } = exhausted
  const { reserved, resting, firstFreeAt, restSeconds, avoided } = exhausted
  const available = reserved + resting + avoided
  const last = ranges.at(-1)
  if (!last) return noRangeOnHost(exhausted, cause)
  const sizes = ranges.map(({ startPort, endPort }) => endPort - startPort + 1)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const named = ranges.map(nameOfRange).join(', ')
  const scope = `${hostname}/${protocol}`
  const full =
    total === 1
      ? `The only port of ${projectName} (${ranges[0]!.startPort}) is held on ${scope}. Release it if it is`
      : `All ${total} ports of ${projectName} (${named}) are held on ${scope}. Release one that is`
  const { range, neighbours } = surrounded.findLast(hasRoom) ?? surrounded.at(-1) ?? { range: last }
  const widest = neighbours && widestBounds(range, neighbours)
  const isOneOfSeveral = ranges.length > 1 || elsewhere.length > 0
  const which = isOneOfSeveral ? nameOfRange(range) : 'the range'
  return new PortsError(
    'RANGE_EXHAUSTED',
    available > 0
      ? withheld(exhausted, total, named)
      : `${full} no longer needed${wayOut(which, range, neighbours)}`,
    {
      projectName,
      ranges,
      elsewhere,
      range,
      ...(widest && { widest, neighbours }),
      hostname,
      protocol,
      totalPorts: total,
      allocatedPorts: total - available,
      availablePorts: available,
      reserved,
      resting,
      firstFreeAt,
      restSeconds,
      avoided,
    },
    { cause },
  )
}

const OR = new Intl.ListFormat('en', { type: 'disjunction' })

/** @param named the ranges of the project, which have `total` numbers */
function withheld(exhausted: Exhausted, total: number, named: string): string {
  const { projectName, hostname, protocol, reserved, resting, firstFreeAt, avoided } = exhausted
  const held = total - reserved - resting - avoided
  const counts = Object.entries({
    held,
    reserved,
    resting,
    'passed over': avoided,
  }).flatMap(([what, count]) => (count > 0 ? [`${what} (${count})`] : []))
  const steps = [
    ...(avoided > 0 ? ['claim one of those passed over', 'switch passing over off'] : []),
    ...(reserved > 0 ? ['remove the reservation'] : []),
    ...(firstFreeAt === null ? [] : [`wait until ${toSeconds(firstFreeAt)}`]),
    ...(held > 0 ? ['release one that is no longer needed'] : []),
  ]
  const all = total === 1 ? 'The only port' : `All ${total} ports`
  return (
    `${all} of ${projectName} (${named}) ${total === 1 ? 'is' : 'are'} ${OR.format(counts)} on ` +
    `${hostname}/${protocol}. ${asSentence(steps)}`
  )
}

/** Joins the steps as alternatives. */
function asSentence(steps: readonly string[]): string {
  const advice = [steps.slice(0, -1).join(', '), ...steps.slice(-1)].filter(Boolean).join(', or ')
  return `${advice[0]!.toUpperCase()}${advice.slice(1)}.`
}

function noRangeOnHost({ projectName, elsewhere, ...scope }: Exhausted, cause: unknown) {
  return new PortsError(
    'RANGE_EXHAUSTED',
    `${projectName} has no range on ${scope.hostname}; its ranges are on ${elsewhere.join(', ')}. ` +
      'Add a range for this host, or ask for a port on one of those.',
    { projectName, elsewhere, ...scope, totalPorts: 0, allocatedPorts: 0, availablePorts: 0 },
    { cause },
  )
}

/** A batch with an item that does not fit. */
export interface Misfit {
  readonly projectName: string
  readonly serviceName: string
  readonly hostname: string
  readonly protocols: readonly Protocol[]
  readonly contiguous: boolean
  /** How many numbers are needed. */
  readonly asked: number
  /** How many would fit beside the rest of the batch. For a block, the largest that fits. */
  readonly fits: number
  /** How many numbers are available only to a claim that says so, because they are reserved. */
  readonly reserved: number
  /** How many numbers rest, so that only the services that held them last can get them now. */
  readonly resting: number
  /** ISO 8601: when the first of them is available to everyone. Null if none rests. */
  readonly firstFreeAt: string | null
  /** How long a number of the project rests after its release. */
  readonly restSeconds: number
  /** How many other numbers are available, but only if they are asked for. */
  readonly avoided: number
}

export function batchDoesNotFit(misfit: Misfit, cause?: unknown): PortsError {
  const { projectName, serviceName, hostname, protocols, contiguous, asked, fits } = misfit
  const { reserved, resting, firstFreeAt, avoided } = misfit
  const wait = firstFreeAt === null ? '' : `wait until ${toSeconds(firstFreeAt)}, `
  const where = `${hostname}/${protocols.join('+')}`
  const lack = contiguous
    ? `${projectName}/${serviceName} needs ${asked} contiguous ports on ${where}, but the largest ` +
      `block that is available has ${fits}.`
    : `This needs ${counted(asked, 'more port')} of ${projectName} on ${where}, but only ${fits} ` +
      `${fits === 1 ? 'is' : 'are'} available.`
  const over = [
    moreAre(reserved, 'reserved'),
    moreAre(resting, 'resting'),
    moreAre(avoided, 'passed over'),
  ].join('')
  return new PortsError(
    'RANGE_EXHAUSTED',
    `${lack}${over} Nothing was allocated. Ask for fewer, ${wait}release ports that are no longer ` +
      'needed, or widen the range.',
    { ...misfit },
    { cause },
  )
}

function moreAre(count: number, what: string): string {
  return count > 0 ? ` ${count} more ${count === 1 ? 'is' : 'are'} ${what}.` : ''
}

/** The ports of a service that differ from those that a call asked for. */
export interface Mismatch extends Omit<ServiceKey, 'protocol'> {
  readonly protocols: readonly Protocol[]
  readonly count: number
  readonly contiguous: boolean
  /** Null if the ports that the service holds under any key count. */
  readonly idempotencyKey: string | null
  readonly held: readonly ReleasedPort[]
}

export function layoutMismatch(mismatch: Mismatch, cause?: unknown): PortsError {
  const { hostname, protocols, count, contiguous, idempotencyKey, held } = mismatch
  const numbers = held.map(({ portNumber, protocol }) => `${portNumber}/${protocol}`).join(', ')
  const key = idempotencyKey === null ? '' : ' under this idempotency key'
  const what =
    (count === 1 ? '1 port' : `${count} ${contiguous ? 'contiguous ' : ''}ports`) +
    (protocols.length > 1 ? ', the same for tcp and udp' : ` for ${protocols.join()}`)
  return new PortsError(
    'LAYOUT_MISMATCH',
    `${nameOfService(mismatch)} holds ${numbers} on ${hostname}${key}, but the call asked for ${what}. ` +
      'Nothing was allocated. ' +
      (idempotencyKey === null
        ? 'Ask for what it holds, or release its ports first.'
        : 'Use another key, or release these ports first.'),
    { ...mismatch },
    { cause },
  )
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

function hasRoom({ range, neighbours }: Surrounded): boolean {
  const widest = widestBounds(range, neighbours)
  return widest.startPort < range.startPort || widest.endPort > range.endPort
}

/** @param which names the range */
function wayOut(which: string, range: Bounds, neighbours?: Neighbours): string {
  if (!neighbours) return `, or widen ${which}.`
  if (hasRoom({ range, neighbours })) {
    const widest = widestBounds(range, neighbours)
    return `, or widen ${which}: ${widest.startPort}-${widest.endPort} would overlap no other.`
  }
  const { below, above } = neighbours
  const limits = [
    below && `${below.endPort} is the last port of ${below.projectName}`,
    above && `${above.startPort} the first of ${above.projectName}`,
  ].filter((limit) => limit !== undefined)
  const why = limits.length > 0 ? `, because ${limits.join(' and ')}` : ''
  return `; ${which} cannot be widened${why}.`
}

/**
 * A number that another service asked for, and the service that holds it or, if it rests, held it
 * last.
 */
export interface Taken extends ServiceKey {
  readonly portNumber: number
  /** ISO 8601; null if it is held until it is released, or rests. */
  readonly leaseEndsAt: string | null
  /** ISO 8601; null if it is held. */
  readonly restsUntil: string | null
  /** ISO 8601. */
  readonly allocatedAt: string
  /** ISO 8601; null if no audit has seen anything listening there. */
  readonly lastUsedAt: string | null
  /** The available numbers of the asking project that are nearest to it. */
  readonly nearest: readonly number[]
}

export function portTaken(taken: Taken, cause?: unknown): PortsError {
  const { portNumber, hostname, protocol, allocatedAt, lastUsedAt, nearest } = taken
  const { leaseEndsAt, restsUntil } = taken
  const where = `${hostname}/${protocol}`
  const lease = leaseEndsAt === null ? '' : ` with a lease until ${toSeconds(leaseEndsAt)}`
  const seen = lastUsedAt
    ? `It was last seen listening at ${toSeconds(lastUsedAt)}`
    : 'No audit has seen it listening'
  return new PortsError(
    'PORT_TAKEN',
    (restsUntil === null
      ? `${nameOfService(taken)} has held port ${portNumber} on ${where} since ` +
        `${toSeconds(allocatedAt)}${lease}. ${seen}. Release it first, or take `
      : `Port ${portNumber} rests on ${where} until ${toSeconds(restsUntil)}. Only ` +
        `${nameOfService(taken)}, which held it last, can get it before then. Wait, or take `) +
      `another number${nearest.length > 0 ? `, such as ${nearest.join(', ')}` : ''}.`,
    { ...taken },
    { cause },
  )
}

export interface OutOfRange {
  readonly portNumber: number
  readonly projectName: string
  readonly hostname: string
  /** The project whose number it is on that host; null if no project owns it. */
  readonly owner: string | null
  /** The project's ranges that count on that host, by start port. */
  readonly ranges: readonly Bounds[]
}

export function portOutOfRange(outside: OutOfRange, cause?: unknown): PortsError {
  const { portNumber, projectName, hostname, owner, ranges } = outside
  const hasRanges = ranges.length > 0
  const where = hasRanges
    ? `is not in the ranges of ${projectName} (${ranges.map(nameOfRange).join(', ')})`
    : `is not in a range of ${projectName}, which has none on ${hostname}`
  const steps = [
    ...(owner === null ? [`add a range that contains it to ${projectName}`] : []),
    ...(hasRanges ? [`choose a number in ${projectName}'s ranges`] : []),
    ...(owner !== null && !hasRanges ? [`add a range on ${hostname} to ${projectName}`] : []),
  ]
  return new PortsError(
    'PORT_OUT_OF_RANGE',
    `Port ${portNumber} ${where}. ` +
      `${owner === null ? 'No project owns it' : `It belongs to ${owner}`}. ${asSentence(steps)}`,
    { ...outside },
    { cause },
  )
}

/**
 * @param home where the embedded registry would be
 * @param settingsFiles the files in which a database could be named
 */
export function noRegistry(home: string, settingsFiles: readonly string[]): PortsError {
  return new PortsError(
    'NO_REGISTRY',
    `There is no registry yet: ${home} has none, and neither PORTS_DATABASE_URL nor a settings file ` +
      `(${settingsFiles.join(', ')}) names a database. Allocating a port makes one in ${home}. If ` +
      'the registry is elsewhere, set PORTS_DATABASE_URL or PORTS_HOME, or write its URL to one of ' +
      'those files.',
    { home, settingsFiles },
  )
}

/** The error for the verdict `unknown`, with the reason and the next step. */
export function unverifiable(sighting: PortSighting & { verdict: 'unknown' }): PortsError {
  const { port, hostname, protocol, address, reason } = sighting
  const host = address ?? hostname
  return new PortsError(
    'UNVERIFIABLE',
    `Cannot tell from here whether something listens on ${host}:${port}/${protocol}: ` +
      EXPLANATIONS[reason](hostname),
    { port, hostname, protocol, ...(address !== undefined && { address }), reason },
  )
}

const EXPLANATIONS: Readonly<Record<UnknownReason, (hostname: string) => string>> = {
  'tables-unreadable': () =>
    "this process cannot read the kernel's socket tables, as in a sandbox that hides /proc. Run the " +
    'check outside the sandbox.',
  'other-network': (hostname) =>
    `this process is not in the network namespace of the services of ${hostname}, as in a ` +
    'sandbox or a container. Run the check where the services run.',
  'ipv4-of-ipv6-socket': () =>
    'a socket on :: has the number, and the kernel does not show whether it takes IPv4 too. ' +
    'Check ::1, or leave out the host to check all addresses.',
  'udp-of-another-host': () =>
    'a UDP service on another host may not answer a probe. Run the check on that host.',
  'localhost-of-another-host': (hostname) =>
    'this machine has its own name, and the registry does not know which machine ' +
    `${hostname} was. Run the check on that machine.`,
  'name-not-resolved': (hostname) => `${hostname} does not resolve. Is the name right?`,
  'no-answer': (hostname) =>
    `${hostname} neither accepts nor refuses a connection. Is the host up and its firewall open?`,
}
