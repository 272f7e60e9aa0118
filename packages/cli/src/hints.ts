import {
  ACCESS_LEVELS,
  type Bounds,
  type EphemeralOverlap,
  EXIT_STATUS,
  ephemeralOverlap,
  type PortManager,
  type PortRange,
  type PortsError,
  probablyMeant,
  type RangeHolder,
} from '@ports/core'
import { commandLine } from './commandLine.js'
import { releaseLine } from './releaseLine.js'
import { reservingCommand } from './reservingCommand.js'
import { spelledHost } from './spelledHost.js'

/** The command that failed. */
export interface Asked {
  /** As it is typed after `ports`: `range resize`. */
  readonly command: string
  readonly projectName: string | undefined
  openManager(): Promise<PortManager>
}

const OUTAGE_STATUS: number = EXIT_STATUS.DATABASE_UNAVAILABLE

/**
 * Suggests command lines for an error. The error's message says what happened and what to do, in
 * words that fit every interface; only this file says what to type.
 */
export async function hintsOf(error: PortsError, asked: Asked): Promise<string[]> {
  const hints = await hintsOfCode(error, asked)
  return EXIT_STATUS[error.code] === OUTAGE_STATUS ? [...hints, ...outageHints(asked)] : hints
}

/** Without the registry's answer nobody knows which numbers are taken. */
export function outageHints({ command }: Asked): string[] {
  return wantsPort(command)
    ? ['Do not pick a port yourself: it may belong to another service.']
    : []
}

// The details of each code are those of core's functions that make such errors.
async function hintsOfCode({ code, details }: PortsError, asked: Asked): Promise<string[]> {
  switch (code) {
    case 'PROJECT_NOT_FOUND':
      return unknownProjectHints(details as UnknownProject, asked)
    case 'RANGE_EXHAUSTED':
      if ('size' in details) return ['To see who owns which numbers: ports range list']
      return [
        ...('fits' in details
          ? [holdersHint(details as FullRange)]
          : await fullRangeHints(details as FullRange, await asked.openManager())),
        ...(Number(details.resting) > 0 ? [restHint(details as Rested)] : []),
      ]
    case 'PORT_TAKEN':
      return details.restsUntil === null ? [] : [restHint(details as Rested)]
    case 'PORT_RESERVED':
      return [
        ...(['claim', 'move'].includes(asked.command)
          ? ['To take it anyway: --use-reservation']
          : [
              `To take it anyway: ports claim <project> <service> ${details.portNumber} --use-reservation`,
            ]),
        'To see all reservations: ports reservations',
      ]
    case 'LIMIT_REACHED':
      return details.isOwn ? [] : ['To see the limits: ports limit list']
    case 'LEASE_LOST':
      return [heldHint(details as OfService)]
    case 'PORT_OUT_OF_RANGE':
      return details.owner === null ? [addHint(details as Unowned, await asked.openManager())] : []
    case 'LAYOUT_MISMATCH':
      return [heldHint(details as OfService)]
    case 'RANGE_OVERLAP':
      return overlapHints(details as Overlap, asked)
    case 'RANGE_IN_USE':
      return 'allocations' in details
        ? releaseHints(details as RangeInUse, asked.command, await asked.openManager())
        : []
    case 'DATABASE_UNAVAILABLE':
      if ('right' in details) {
        return [`As the owner of the tables: ports db grant <role> <${ACCESS_LEVELS.join('|')}>`]
      }
      // If that command has just failed, it would fail again.
      return asked.command === 'db status' ? [] : ['To see its state: ports db status']
    case 'NO_REGISTRY':
      return [
        'To make one: ports get <project> <service>',
        'To name a database: ports config set databaseUrl <url>',
      ]
    case 'DATABASE_NOT_MIGRATED':
      return 'migrations' in details ? [] : ['To migrate it: ports db migrate']
    case 'OUTCOME_UNKNOWN':
      return findOutHints(asked)
    default:
      return []
  }
}

/** Whether the command asks for a port to start something on. */
function wantsPort(command: string): boolean {
  return ['get', 'allocate', 'claim', 'run', 'env', 'up'].includes(command)
}

type UnknownProject = {
  readonly projectName: string
  readonly knownProjects: readonly string[]
}

function unknownProjectHints(
  { projectName, knownProjects }: UnknownProject,
  { command }: Asked,
): string[] {
  const meant = probablyMeant(projectName, knownProjects)
  const create = commandLine('ports', 'range', 'create', projectName, '--size', '100')
  return [
    ...(meant === undefined ? [] : [`Did you mean ${meant}?`]),
    ...(wantsPort(command) ? [`To create a range for it: ${create}`] : []),
  ]
}

type FullRange = {
  readonly projectName: string
  /** The ranges of the scope. */
  readonly ranges: readonly Bounds[]
  /** The hosts of the other ranges. */
  readonly elsewhere: readonly string[]
  readonly range: Bounds & { readonly hostname?: string }
  readonly widest?: Bounds
  readonly hostname: string
  readonly totalPorts: number
  readonly allocatedPorts: number
  /** How many numbers are passed over. */
  readonly avoided: number
}

async function fullRangeHints(full: FullRange, ports: PortManager): Promise<string[]> {
  const { totalPorts, allocatedPorts, avoided, ranges, hostname } = full
  const isEmpty = totalPorts > 0 && allocatedPorts === 0
  const holders = isEmpty ? [] : [holdersHint(full)]
  // Of another host, the kernel cannot be asked.
  const isHere = avoided > 0 && hostname === ports.scope().hostname
  const overlap = isHere ? await ephemeralOverlap(ranges) : undefined
  return [...holders, ...(overlap ? ephemeralHints(full, overlap) : widenHints(full))]
}

/** More numbers beside these would most likely be passed over as well. */
function ephemeralHints({ projectName }: FullRange, overlap: EphemeralOverlap): string[] {
  const { startPort, endPort } = overlap.ephemeral
  const add = commandLine('ports', 'range', 'add', projectName)
  return [
    `To add numbers outside the kernel's ${startPort}-${endPort}: ${add} --start <port> --end <port>`,
    `Or, so that the kernel leaves the project's numbers alone, as root: ${reservingCommand(overlap)}`,
  ]
}

function widenHints({ projectName, ranges, elsewhere, range, widest }: FullRange): string[] {
  const wider = widest && doubled(range, widest)
  if (!wider) return []
  const isOneOfSeveral = ranges.length + elsewhere.length > 1
  const which = isOneOfSeveral ? choiceOf(range) : []
  const bounds = ['--start', `${wider.startPort}`, '--end', `${wider.endPort}`]
  const resize = commandLine('ports', 'range', 'resize', projectName, ...which, ...bounds)
  return [`To widen it: ${resize}`]
}

/** The options that say which of a project's ranges is meant. */
function choiceOf({ startPort, hostname }: FullRange['range']): string[] {
  return ['--from', `${startPort}`, ...(hostname === undefined ? [] : ['--hostname', hostname])]
}

function holdersHint({ projectName }: Pick<FullRange, 'projectName'>): string {
  return `To see the holders: ${commandLine('ports', 'list', projectName)}`
}

type Rested = { readonly projectName: string }

function restHint({ projectName }: Rested): string {
  return `To see or change how long its numbers rest: ${commandLine('ports', 'rest', projectName)}`
}

type OfService = { readonly projectName: string; readonly serviceName: string }

function heldHint({ projectName, serviceName }: OfService): string {
  const line = commandLine('ports', 'list', projectName, '--service', serviceName)
  return `To see what it holds: ${line}`
}

/**
 * Twice the range, or as much as there is room for, above it if possible; undefined if there is no
 * room.
 */
function doubled({ startPort, endPort }: Bounds, widest: Bounds): Bounds | undefined {
  const size = endPort - startPort + 1
  const end = Math.min(widest.endPort, endPort + size)
  if (end > endPort) return { startPort, endPort: end }
  const start = Math.max(widest.startPort, startPort - size)
  return start < startPort ? { startPort: start, endPort } : undefined
}

type Unowned = {
  readonly projectName: string
  readonly portNumber: number
  readonly hostname: string
}

function addHint({ projectName, portNumber, hostname }: Unowned, ports: PortManager): string {
  const host = spelledHost(hostname, ports).options
  const words = ['ports', 'range', 'add', projectName, '--start', `${portNumber}`, ...host]
  return `To make it a number of ${projectName}: ${commandLine(...words)}`
}

type Overlap = {
  readonly wanted: { readonly projectName: string }
  readonly range: PortRange
}

function overlapHints({ wanted, range }: Overlap, { command }: Asked): string[] {
  if (wanted.projectName !== range.projectName || command !== 'range create') {
    return ['To see who owns which numbers: ports range list']
  }
  const line = (verb: string) =>
    `${commandLine('ports', 'range', verb, range.projectName)} --start <port> --end <port>`
  return [`To resize it: ${line('resize')}`, `To add a range to it: ${line('add')}`]
}

type RangeInUse = {
  readonly projectName: string
  readonly allocations: readonly RangeHolder[]
  readonly count: number
}

/** A command for each service in the way, or for each of its numbers if others of them may stay. */
function releaseHints(
  { projectName, allocations, count }: RangeInUse,
  command: string,
  ports: PortManager,
): string[] {
  const lines = allocations.map(({ portNumber, ...holder }) => {
    const port = command === 'range delete' ? [] : ['--port', `${portNumber}`]
    return `  ${releaseLine({ projectName, ...holder }, port, ports)}`
  })
  const more = count - allocations.length
  return [
    ...(lines.length > 0 ? ['To release what is in the way:', ...new Set(lines)] : []),
    ...(more > 0
      ? [`There ${more === 1 ? 'is' : 'are'} ${more} more, which the next attempt names.`]
      : []),
  ]
}

function findOutHints({ command, projectName }: Asked): string[] {
  if (command === 'allocate' && projectName !== undefined) {
    return [`To find out: ${commandLine('ports', 'list', projectName)}`]
  }
  return command.startsWith('range ') ? ['To find out: ports range list'] : []
}
