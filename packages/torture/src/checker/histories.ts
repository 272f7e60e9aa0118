// Reads the histories of the processes as calls.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

export interface Call {
  /** The process. */
  readonly by: string
  /** The number of the call in its process. */
  readonly id: number
  readonly op: string
  /** The start in µs. */
  readonly at: number
  /** The time of the reply, `FOREVER` if there was none. */
  readonly end: number
  /** The result. */
  // biome-ignore lint/suspicious/noExplicitAny: each operation has an answer of its own
  ok?: any
  /** An attempt had no reply and may take effect later. It was repeated. */
  readonly lost?: boolean
  readonly error?: string
  readonly text?: string
  readonly project?: string
  readonly service?: string
  /** Absent or empty for the primary instance. */
  readonly instance?: string
  readonly host?: string
  /** Absent for a release of both protocols. */
  readonly proto?: string
  /** Absent for a release of all ports. */
  readonly port?: number
  readonly key?: string
  /** For claims and moves. */
  readonly wanted?: number
  /** The length of a lease in seconds. */
  readonly ttl?: number
  /** The id of the allocation to renew or release. */
  readonly holding?: string
  /** The number to move. By default the one that get returns. */
  readonly from?: number
  /** For claims and moves. */
  readonly useReservation?: boolean
  /** For batches. */
  readonly items?: Item[]
  /** For allocations of several numbers. */
  readonly count?: number
  /** For allocations of several numbers. */
  readonly contiguous?: boolean
  /** For ranges and reservations. */
  readonly startPort?: number
  /** For ranges and reservations. */
  readonly endPort?: number
  /** The only host of a range or a reservation. */
  readonly boundTo?: string
}

/** The ports that a batch requests for one service. */
export type Item = { service: string; count: number; contiguous: boolean; protocols: string[] }

/** A number in a reply, with its service. */
export type Told = { service: string; proto: string; port: number }

export const FOREVER = Number.POSITIVE_INFINITY

/** Calls that return one port. A renewal returns one that the service holds. */
export const TAKES_ONE = new Set(['get', 'allocate', 'claim', 'lease', 'renew'])
/** Calls that return the id of the allocation. */
export const TELLS_HOLDING = new Set(['lease', 'renew', 'move'])
/** Calls that return all requested ports or none. */
export const TAKES_MANY = new Set(['ensureMany', 'allocateMany'])
export const CHANGES_RESERVATIONS = new Set(['reserve', 'unreserve'])
export const CHANGES_RANGES = new Set(['addRange', 'removeRange'])

/** Whether the error means that the service cannot get a port now. */
export function isFull(error: string | undefined) {
  return error === 'RANGE_EXHAUSTED' || error === 'LIMIT_REACHED'
}

/** Errors that guarantee that nothing changed. */
export const NOTHING_CHANGED = new Set([
  'RANGE_EXHAUSTED',
  'PORT_TAKEN',
  'INVALID_ARGUMENT',
  'PORT_OUT_OF_RANGE',
  'PORT_RESERVED',
  'LAYOUT_MISMATCH',
  'LEASE_LOST',
  'LIMIT_REACHED',
  'RANGE_OVERLAP',
  'RANGE_IN_USE',
  'BUSY',
  'DATABASE_UNAVAILABLE',
])

/** Whether the call takes ports. */
export function takes({ op }: Call) {
  return TAKES_ONE.has(op) || TAKES_MANY.has(op) || op === 'move'
}

/** The requested ports, by service. */
export function itemsOf({
  items,
  service = '',
  proto = '',
  count = 1,
  contiguous = false,
}: Call): Item[] {
  return items ?? [{ service, count, contiguous, protocols: [proto] }]
}

/** The services of the call. */
export function servicesOf({ items, service }: Call) {
  return items?.map((item) => item.service) ?? (service === undefined ? [] : [service])
}

/** The numbers in the reply of a call that takes ports. */
export function toldBy({ op, ok, service = '', proto = '' }: Call): Told[] {
  if (ok === undefined || ok === null) return []
  if (TELLS_HOLDING.has(op)) return [{ service, proto, port: ok.port }]
  if (op === 'ensureMany') {
    return ok.map(([of, protocol, port]: [string, string, number]) => ({
      service: of,
      proto: protocol,
      port,
    }))
  }
  return [ok].flat().map((port) => ({ service, proto, port }))
}

/** Whether the outcome of the call is unknown to its caller. */
export function isUnknown(call: Call) {
  const { op, ok, error, lost } = call
  const writes =
    op === 'release' || takes(call) || CHANGES_RANGES.has(op) || CHANGES_RESERVATIONS.has(op)
  const isAnswered = ok !== undefined || NOTHING_CHANGED.has(error ?? '')
  return writes && (lost === true || !isAnswered)
}

export function historyFiles(directory: string) {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.jsonl'))
    .map((file) => join(directory, file))
}

/** Returns the name of the history, which is the name of its process. */
export function nameOfHistory(path: string) {
  return basename(path, '.jsonl')
}

/**
 * Reads the calls in the order of their start. The results of lists and dumps are omitted: see
 * `readLong`.
 */
export function readHistory(path: string) {
  const by = nameOfHistory(path)
  const calls: Call[] = []
  for (const line of linesOf(path)) {
    const entry = parsed(line)
    if (!entry) continue
    if ('at' in entry) calls[entry.id] = { by, end: FOREVER, ...entry }
    else {
      const { id, ...answer } = entry
      const call = calls[id]
      if (!call) throw new Error(`${path}: an answer to nothing: ${line}`)
      Object.assign(call, answer)
      if (LONG.includes(call.op) && call.ok !== undefined) call.ok = true
    }
  }
  return calls
}

const LONG = ['list', 'dump']

/** Yields lists or dumps. They are long and are never all in memory at once. */
export function* readLong(path: string, op: 'list' | 'dump'): Generator<Call> {
  const by = nameOfHistory(path)
  const asked = new Map<number, object>()
  for (const line of linesOf(path)) {
    if (line.includes(`"op":"${op}"`)) {
      const call = parsed(line)
      if (call) asked.set(call.id, { by, ...call })
      continue
    }
    const id = Number(/^\{"id":(\d+),"end":/.exec(line)?.[1])
    const call = asked.get(id)
    if (!call) continue
    asked.delete(id)
    const answer = parsed(line)
    if (answer?.ok !== undefined) yield { ...call, ...answer }
  }
}

function linesOf(path: string) {
  return readFileSync(path, 'utf8').split('\n')
}

/** The last line of a killed process may be incomplete. */
function parsed(line: string) {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
