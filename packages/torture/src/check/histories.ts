// What the processes wrote down, as calls.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

export interface Call {
  /** Whose it is. */
  readonly by: string
  /** The number of the call in its process. */
  readonly id: number
  readonly op: string
  /** When it was asked, µs. */
  readonly at: number
  /** When it was answered; `FOREVER` where nobody was told. */
  readonly end: number
  /** What was told. */
  // biome-ignore lint/suspicious/noExplicitAny: each operation has an answer of its own
  ok?: any
  /** An attempt had no answer and may take effect later; it was repeated. */
  readonly lost?: boolean
  readonly error?: string
  readonly text?: string
  readonly project?: string
  readonly service?: string
  /** Absent or empty for the primary one. */
  readonly instance?: string
  readonly host?: string
  /** Of a release: both, where it is absent. */
  readonly proto?: string
  /** Of a release: all, where it is absent. */
  readonly port?: number
  readonly key?: string
  /** Of a claim or a move. */
  readonly wanted?: number
  /** Of a call that gives a lease or renews it: its length in seconds. */
  readonly ttl?: number
  /** Of a renewal or a release: the only holding, by its id. */
  readonly holding?: string
  /** Of a move: the number to give up, by default that which get tells. */
  readonly from?: number
  /** Of a claim or a move. */
  readonly useReservation?: boolean
  /** Of a batch. */
  readonly items?: Item[]
  /** Of an allocation of several numbers. */
  readonly count?: number
  /** Of such an allocation. */
  readonly contiguous?: boolean
  /** Of a range or a reservation. */
  readonly startPort?: number
  /** Of a range or a reservation. */
  readonly endPort?: number
  /** Of a range or a reservation: the only host on which it counts What a batch asks for one service. */
  readonly boundTo?: string
}

/** What a batch asks for one service. */
export type Item = { service: string; count: number; contiguous: boolean; protocols: string[] }

/** A number that a caller was told, and whose it is. */
export type Told = { service: string; proto: string; port: number }

export const FOREVER = Number.POSITIVE_INFINITY

/** The calls that give a service one port. A renewal tells one that the service holds. */
export const TAKES_ONE = new Set(['get', 'allocate', 'claim', 'lease', 'renew'])
/** The calls that tell which holding it is. */
export const TELLS_HOLDING = new Set(['lease', 'renew', 'move'])
/** The calls that give services all that they ask for, or nothing. */
export const TAKES_MANY = new Set(['ensureMany', 'allocateMany'])
export const CHANGES_RESERVATIONS = new Set(['reserve', 'unreserve'])
export const CHANGES_RANGES = new Set(['addRange', 'removeRange'])

/** Whether a service that holds no port cannot get one now. */
export function isFull(error: string | undefined) {
  return error === 'RANGE_EXHAUSTED' || error === 'LIMIT_REACHED'
}

/** These promise that nothing was changed, and are taken at their word. */
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

/** Whether it gives services ports. */
export function takes({ op }: Call) {
  return TAKES_ONE.has(op) || TAKES_MANY.has(op) || op === 'move'
}

/** What a call that takes ports asks for, by service. */
export function itemsOf({
  items,
  service = '',
  proto = '',
  count = 1,
  contiguous = false,
}: Call): Item[] {
  return items ?? [{ service, count, contiguous, protocols: [proto] }]
}

/** The services that it is about. */
export function servicesOf({ items, service }: Call) {
  return items?.map((item) => item.service) ?? (service === undefined ? [] : [service])
}

/** The numbers that a call that takes ports was told. */
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

/** Whether it may have taken effect without its caller's knowing. */
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

/** Returns the name of the history, which is that of its process. */
export function nameOfHistory(path: string) {
  return basename(path, '.jsonl')
}

/**
 * In the order in which they were asked. Of lists and dumps, only that they were told: see
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

/** Lists, or dumps. They are long, so they are never all in memory at once. */
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

/** The last line of a process that was killed may be cut. */
function parsed(line: string) {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
