// What the processes wrote down, as calls.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

/**
 * @typedef {object} Call
 * @property {string} by whose it is
 * @property {number} id the number of the call in its process
 * @property {string} op
 * @property {number} at when it was asked, µs
 * @property {number} end when it was answered; `FOREVER` where nobody was told
 * @property {any} [ok] what was told
 * @property {boolean} [lost] an attempt had no answer and may take effect later; it was repeated
 * @property {string} [error]
 * @property {string} [text]
 * @property {string} [project]
 * @property {string} [service]
 * @property {string} [instance] absent or empty for the primary one
 * @property {string} [host]
 * @property {string} [proto] of a release: both, where it is absent
 * @property {number} [port] of a release: all, where it is absent
 * @property {string} [key]
 * @property {number} [wanted] of a claim or a move
 * @property {number} [ttl] of a call that gives a lease or renews it: its length in seconds
 * @property {string} [holding] of a renewal or a release: the only holding, by its id
 * @property {number} [from] of a move: the number to give up, by default that which get tells
 * @property {boolean} [useReservation] of a claim or a move
 * @property {Item[]} [items] of a batch
 * @property {number} [count] of an allocation of several numbers
 * @property {boolean} [contiguous] of such an allocation
 * @property {number} [startPort] of a range or a reservation
 * @property {number} [endPort] of a range or a reservation
 * @property {string} [boundTo] of a range or a reservation: the only host on which it counts
 *
 * What a batch asks for one service.
 * @typedef {{ service: string, count: number, contiguous: boolean, protocols: string[] }} Item
 *
 * A number that a caller was told, and whose it is.
 * @typedef {{ service: string, proto: string, port: number }} Told
 */

export const FOREVER = Number.POSITIVE_INFINITY

/** The calls that give a service one port. A renewal tells one that the service holds. */
export const TAKES_ONE = new Set(['get', 'allocate', 'claim', 'lease', 'renew'])
/** The calls that tell which holding it is. */
export const TELLS_HOLDING = new Set(['lease', 'renew', 'move'])
/** The calls that give services all that they ask for, or nothing. */
export const TAKES_MANY = new Set(['ensureMany', 'allocateMany'])
export const CHANGES_RESERVATIONS = new Set(['reserve', 'unreserve'])
export const CHANGES_RANGES = new Set(['addRange', 'removeRange'])

/**
 * Whether a service that holds no port cannot get one now.
 * @param {string | undefined} error
 */
export function isFull(error) {
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

/**
 * Whether it gives services ports.
 * @param {Call} call
 */
export function takes({ op }) {
  return TAKES_ONE.has(op) || TAKES_MANY.has(op) || op === 'move'
}

/**
 * What a call that takes ports asks for, by service.
 * @param {Call} call
 * @returns {Item[]}
 */
export function itemsOf({ items, service = '', proto = '', count = 1, contiguous = false }) {
  return items ?? [{ service, count, contiguous, protocols: [proto] }]
}

/**
 * The services that it is about.
 * @param {Call} call
 */
export function servicesOf({ items, service }) {
  return items?.map((item) => item.service) ?? (service === undefined ? [] : [service])
}

/**
 * The numbers that a call that takes ports was told.
 * @param {Call} call
 * @returns {Told[]}
 */
export function toldBy({ op, ok, service = '', proto = '' }) {
  if (ok === undefined || ok === null) return []
  if (TELLS_HOLDING.has(op)) return [{ service, proto, port: ok.port }]
  if (op === 'ensureMany') {
    return ok.map((/** @type {any[]} */ [of, protocol, port]) => ({
      service: of,
      proto: protocol,
      port,
    }))
  }
  return [ok].flat().map((port) => ({ service, proto, port }))
}

/**
 * Whether it may have taken effect without its caller's knowing.
 * @param {Call} call
 */
export function isUnknown(call) {
  const { op, ok, error, lost } = call
  const writes =
    op === 'release' || takes(call) || CHANGES_RANGES.has(op) || CHANGES_RESERVATIONS.has(op)
  const isAnswered = ok !== undefined || NOTHING_CHANGED.has(error ?? '')
  return writes && (lost === true || !isAnswered)
}

/** @param {string} directory */
export function historyFiles(directory) {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.jsonl'))
    .map((file) => join(directory, file))
}

/**
 * Returns the name of the history, which is that of its process.
 * @param {string} path
 */
export function nameOfHistory(path) {
  return basename(path, '.jsonl')
}

/**
 * In the order in which they were asked. Of lists and dumps, only that they were told: see
 * `readLong`.
 * @param {string} path
 */
export function readHistory(path) {
  const by = nameOfHistory(path)
  const calls = /** @type {Call[]} */ ([])
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

/**
 * Lists, or dumps. They are long, so they are never all in memory at once.
 * @param {string} path
 * @param {'list' | 'dump'} op
 * @returns {Generator<Call>}
 */
export function* readLong(path, op) {
  const by = nameOfHistory(path)
  const asked = new Map()
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

/** @param {string} path */
function linesOf(path) {
  return readFileSync(path, 'utf8').split('\n')
}

/**
 * The last line of a process that was killed may be cut.
 * @param {string} line
 */
function parsed(line) {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
