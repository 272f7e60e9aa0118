import {
  ACCESS_LEVELS,
  type Bounds,
  batchDoesNotFit,
  type ErrorDetails,
  EXIT_STATUS,
  type Exhausted,
  type Lost,
  layoutMismatch,
  leaseLost,
  limitReached,
  type Misfit,
  type Mismatch,
  type OutOfRange,
  type Overlap,
  type PortRange,
  PortsError,
  type PortsErrorCode,
  portOutOfRange,
  portReserved,
  portTaken,
  projectNotFound,
  type RangeChange,
  type RangeHolder,
  type Reached,
  type RegistryHolder,
  type Reserved,
  rangeExhausted,
  rangeInUse,
  rangeOverlap,
  rangesOverlap,
  registryInUse,
  type Taken,
  type UnclearRange,
  unclearRange,
  type WantedRange,
} from '@ports/core'
import { describeHolder, type LockHolder } from './lockHolders.js'

/** A failure as PostgreSQL, `pg` or Prisma reports it, in one form. */
interface Failure {
  /** Absent if the connection was lost before the server reported how the call ended. */
  readonly sqlState?: string
  readonly detail?: string
  readonly message: string
}

/**
 * SQLSTATEs by their beginning; PostgreSQL's documentation, appendix A. ZP are the registry's own.
 */
const CODES: readonly (readonly [prefix: string, code: PortsErrorCode])[] = [
  ['ZP001', 'PROJECT_NOT_FOUND'],
  ['ZP002', 'RANGE_EXHAUSTED'],
  ['ZP003', 'PORT_TAKEN'],
  ['ZP004', 'PORT_OUT_OF_RANGE'],
  ['ZP005', 'RANGE_OVERLAP'],
  ['ZP006', 'RANGE_IN_USE'],
  ['ZP007', 'INVALID_ARGUMENT'],
  ['ZP008', 'LAYOUT_MISMATCH'],
  ['ZP010', 'RANGE_IN_USE'],
  ['ZP011', 'PORT_RESERVED'],
  ['ZP012', 'LEASE_LOST'],
  ['ZP013', 'LIMIT_REACHED'],
  ['22023', 'INVALID_ARGUMENT'],
  // A value that a domain or constraint of the tables refuses.
  ['23514', 'INVALID_ARGUMENT'],
  ['28', 'DATABASE_UNAVAILABLE'],
  ['3D000', 'DATABASE_UNAVAILABLE'],
  ['53', 'DATABASE_UNAVAILABLE'],
  ['57P', 'DATABASE_UNAVAILABLE'],
  ['58', 'DATABASE_UNAVAILABLE'],
  ['XX', 'DATABASE_UNAVAILABLE'],
  ['25006', 'DATABASE_UNAVAILABLE'],
  ['42501', 'DATABASE_UNAVAILABLE'],
  ['40', 'BUSY'],
  ['55P03', 'BUSY'],
  ['57014', 'BUSY'],
  // A time limit on transactions ended this one, and its connection.
  ['25P', 'BUSY'],
  // Two transactions wrote the same at once, so their checks did not see each other's rows.
  ['23505', 'BUSY'],
  ['23P01', 'BUSY'],
  ['42P01', 'DATABASE_NOT_MIGRATED'],
  // A migration finds another object of the same name, or one that depends on what it replaces.
  ['42P06', 'DATABASE_NOT_MIGRATED'],
  ['42P07', 'DATABASE_NOT_MIGRATED'],
  ['42710', 'DATABASE_NOT_MIGRATED'],
  ['42723', 'DATABASE_NOT_MIGRATED'],
  ['2BP01', 'DATABASE_NOT_MIGRATED'],
  ['42883', 'DATABASE_NOT_MIGRATED'],
  ['3F000', 'DATABASE_NOT_MIGRATED'],
]

/** The subject of a call, for its errors. */
export interface CallSubject {
  readonly write: boolean
  /** The project that the call is about, if there is exactly one. */
  readonly projectName?: string | undefined
  /** The intended change of one range of the project. */
  readonly rangeChange?: RangeChange
  /** How to find out the outcome if it is unknown. */
  readonly resolveBy?: string
}

/**
 * The PortsError for a failed call, or the failure itself if it is a bug. If there was no
 * connection, the error is already a PortsError of the pool, and is returned unchanged.
 */
export function translate(
  error: unknown,
  subject: CallSubject,
  holders: readonly LockHolder[] = [],
): unknown {
  if (error instanceof PortsError || !(error instanceof Error)) return error
  const fromPool = poolErrorIn(error)
  if (fromPool) return fromPool
  const failure = describe(error)
  if (!failure) return error
  const { sqlState } = failure
  // A pooler reports 08 when it loses the server, which may happen after the commit.
  if (sqlState === undefined || sqlState.startsWith('08')) {
    return subject.write ? outcomeUnknown(failure, subject, error) : unavailable(failure, error)
  }
  const code = CODES.find(([prefix]) => sqlState.startsWith(prefix))?.[1]
  const details = parseDetail(failure.detail)
  switch (code) {
    case undefined:
      return error
    case 'RANGE_EXHAUSTED':
      return 'fits' in details
        ? batchDoesNotFit(parseDetail<Misfit>(failure.detail), error)
        : rangeExhausted(exhaustedIn(details), undefined, error)
    case 'LAYOUT_MISMATCH':
      return layoutMismatch(parseDetail<Mismatch>(failure.detail), error)
    case 'PROJECT_NOT_FOUND':
      return projectNotFound(
        String(details.projectName),
        details.knownProjects as readonly string[],
        error,
      )
    case 'PORT_TAKEN':
      return portTaken(parseDetail<Taken>(failure.detail), error)
    case 'PORT_RESERVED':
      return portReserved(parseDetail<Reserved>(failure.detail), error)
    case 'LIMIT_REACHED':
      return limitReached(parseDetail<Reached>(failure.detail), error)
    case 'LEASE_LOST':
      return leaseLost(parseDetail<Lost>(failure.detail), error)
    case 'PORT_OUT_OF_RANGE':
      return details.ranges === undefined
        ? new PortsError(code, `${failure.message}.`, details, { cause: error })
        : portOutOfRange(parseDetail<OutOfRange>(failure.detail), error)
    case 'RANGE_OVERLAP':
      if (details.overlaps === undefined) {
        const { wanted, range } = overlapIn(details)
        return rangeOverlap(wanted, range, error)
      }
      return rangesOverlap(
        (details.overlaps as ErrorDetails[]).map(overlapIn),
        Number(details.count),
        error,
      )
    case 'RANGE_IN_USE':
      if (details.projectName === undefined) {
        return registryInUse(Number(details.count), details.holders as RegistryHolder[], error)
      }
      return rangeInUse(
        String(details.projectName),
        details.allocations as RangeHolder[],
        Number(details.count),
        subject.rangeChange,
        error,
      )
    case 'INVALID_ARGUMENT':
      return details.ranges === undefined
        ? new PortsError(code, `${failure.message}.`, details, { cause: error })
        : unclearRange(parseDetail<UnclearRange>(failure.detail), subject.rangeChange, error)
    case 'BUSY':
      return busy(failure, holders, error)
    case 'DATABASE_NOT_MIGRATED':
      return IS_IN_THE_WAY.test(sqlState) ? inTheWay(failure, error) : notMigrated(error)
    case 'DATABASE_UNAVAILABLE':
      if (CONCURRENT_CHANGE.test(failure.message)) return busy(failure, holders, error)
      if (sqlState === '42501') return lacksRight(failure, error)
      return isDamage(sqlState) ? damaged(failure.message, error) : unavailable(failure, error)
    default:
      return new PortsError(code, `${failure.message}.`, details, { cause: error })
  }
}

/**
 * Prisma wraps the pool's error in one of its own. Its code is the same, and the last line of its
 * message is the pool's message.
 */
function poolErrorIn(error: Error & { code?: string }): PortsError | undefined {
  if (error.code === undefined || !(error.code in EXIT_STATUS)) return undefined
  const message = error.message.trim().split('\n').at(-1) ?? ''
  return new PortsError(error.code as PortsErrorCode, message, {}, { cause: error })
}

/** The failure in an error of `pg` or Prisma; undefined for any other error. */
function describe(error: Error): Failure | undefined {
  const { code, detail, meta } = error as Error & {
    code?: string
    detail?: string
    meta?: { driverAdapterError?: unknown }
  }
  if (meta?.driverAdapterError) return describeAdapter(meta.driverAdapterError, error)
  if (error.name === 'DriverAdapterError') return describeAdapter(error, error)
  if (code !== undefined && /^[0-9A-Z]{5}$/.test(code) && 'severity' in error) {
    return { sqlState: code, detail, message: error.message }
  }
  const message = error.message.trim().split('\n').at(-1) ?? ''
  const isLost =
    /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET)/.test(code ?? '') ||
    /^(Connection terminated|Query read timeout|Client has encountered a connection)/.test(message)
  return isLost ? { message } : undefined
}

function describeAdapter(adapterError: unknown, error: Error): Failure {
  const { cause } = adapterError as {
    cause?: {
      kind?: string
      originalCode?: string
      originalMessage?: string
      code?: string
      detail?: string
      message?: string
    }
  }
  const sqlState = cause?.originalCode ?? (cause?.kind === 'postgres' ? cause.code : undefined)
  return {
    ...(sqlState !== undefined && { sqlState }),
    ...(cause?.detail !== undefined && { detail: cause.detail }),
    message: cause?.originalMessage ?? cause?.message ?? cause?.kind ?? error.message,
  }
}

/** Parses the detail that a function of the registry gave its error. */
function parseDetail<Details = ErrorDetails>(detail: string | undefined): Details {
  return JSON.parse(detail?.startsWith('{') ? detail : '{}')
}

export function exhaustedIn(details: ErrorDetails): Exhausted {
  return {
    projectName: String(details.projectName),
    ranges: details.ranges as readonly Bounds[],
    elsewhere: details.elsewhere as readonly string[],
    hostname: String(details.hostname),
    protocol: String(details.protocol),
    reserved: Number(details.reserved),
    resting: Number(details.resting),
    firstFreeAt: typeof details.firstFreeAt === 'string' ? details.firstFreeAt : null,
    restSeconds: Number(details.restSeconds),
    avoided: Number(details.avoided),
  }
}

/** The overlap in the detail of ZP005. */
export function overlapIn(details: ErrorDetails): Overlap {
  return { wanted: details.wanted as WantedRange, range: rangeIn(details) }
}

function rangeIn({ projectName, startPort, endPort, hostname }: ErrorDetails): PortRange {
  return {
    projectName: String(projectName),
    startPort: Number(startPort),
    endPort: Number(endPort),
    ...(typeof hostname === 'string' && { hostname }),
  }
}

function busy(failure: Failure, holders: readonly LockHolder[], cause: unknown): PortsError {
  const named = holders.map(describeHolder).join(', ')
  // Without known holders the failure may be a conflict of transactions instead of a lock.
  const reason =
    named === ''
      ? 'Another session is using'
      : `${named[0]!.toUpperCase()}${named.slice(1)} ${holders.length === 1 ? 'has' : 'have'} locked`
  return new PortsError(
    'BUSY',
    `${reason} what this call needs (${failure.message}). Nothing was changed; try again.`,
    holders.length > 0 ? { holders } : {},
    { cause },
  )
}

/** PostgreSQL's internal error for one of two concurrent changes of rights. */
const CONCURRENT_CHANGE = /^tuple concurrently (updated|deleted)/

const IS_IN_THE_WAY = /^(42P06|42P07|42710|42723|2BP01)/

function inTheWay({ message, detail }: Failure, cause: unknown): PortsError {
  return new PortsError(
    'DATABASE_NOT_MIGRATED',
    `The database cannot be migrated: ${message}${detail ? ` (${detail})` : ''}. Nothing was ` +
      'changed. Move the conflicting objects out of the schema ports, or use another database.',
    { migrations: [] },
    { cause },
  )
}

function lacksRight({ message }: Failure, cause: unknown): PortsError {
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `The database role lacks a privilege (${message}). Nothing was changed. The owner of the ` +
      `registry's tables can grant one of the levels ${ACCESS_LEVELS.join(', ')}.`,
    { right: message },
    { cause },
  )
}

export function foreignSchema(reason: string): PortsError {
  return new PortsError(
    'DATABASE_NOT_MIGRATED',
    `The schema ports of this database is not this registry's: ${reason}. Nothing was changed. Use ` +
      'another database.',
    { migrations: [] },
  )
}

export function ownedByOther(owner: string): PortsError {
  return new PortsError(
    'DATABASE_NOT_MIGRATED',
    `The schema ports of this database belongs to the role ${owner}, and only that role or a ` +
      'superuser may migrate it. Nothing was changed. Migrate as that role, or use another database.',
    { migrations: [] },
  )
}

/** Data or an index that cannot be read (XX), or a file of the database that is missing (58P01). */
export function isDamage(sqlState: string | undefined): boolean {
  return /^(XX|58P01)/.test(sqlState ?? '')
}

export function damaged(reason: string, cause: unknown): PortsError {
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `The database's files are damaged (${reason}). Nothing was changed. Stop the database, keep a ` +
      'copy of its files as they are, and restore them from a backup. A new registry would ' +
      'give out numbers that are held now.',
    {},
    { cause },
  )
}

function unavailable(failure: Failure, cause: unknown): PortsError {
  return new PortsError(
    'DATABASE_UNAVAILABLE',
    `The database failed (${failure.message}). Nothing was changed.`,
    {},
    { cause },
  )
}

export function outcomeUnknown(
  failure: { readonly message: string },
  subject: CallSubject,
  cause?: unknown,
): PortsError {
  return new PortsError(
    'OUTCOME_UNKNOWN',
    `The request was sent, but no answer came (${failure.message}). It may have been carried out. ` +
      (subject.resolveBy ?? 'To find out, list the ports, or repeat the request if that is safe.'),
    {},
    { cause },
  )
}

export function notMigrated(cause?: unknown): PortsError {
  return new PortsError(
    'DATABASE_NOT_MIGRATED',
    'The database does not have the tables and functions that this version needs. Migrate it.',
    {},
    { cause },
  )
}

export function migratedDifferently(names: readonly string[]): PortsError {
  return new PortsError(
    'DATABASE_NOT_MIGRATED',
    `The database was migrated with a different version of ${names.join(', ')}. Migrating again ` +
      'cannot repair that. Use the version of this program that migrated it, or another database.',
    { migrations: names },
  )
}

export function registryTooNew(names: readonly string[]): PortsError {
  return new PortsError(
    'REGISTRY_TOO_NEW',
    `A later version migrated the database (${names.join(', ')}), and this one does not know what ` +
      'that changed. Nothing was changed. Update this program.',
    { migrations: names },
  )
}
