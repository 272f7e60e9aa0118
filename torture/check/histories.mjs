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
 * @property {number} [wanted] of a claim
 */

export const FOREVER = Number.POSITIVE_INFINITY

/** The calls that give a service a port. */
export const TAKES = new Set(['get', 'allocate', 'claim'])

/** These promise that nothing was changed, and are taken at their word. */
export const NOTHING_CHANGED = new Set([
  'RANGE_EXHAUSTED',
  'PORT_TAKEN',
  'BUSY',
  'DATABASE_UNAVAILABLE',
])

/**
 * Whether it may have taken effect without its caller's knowing.
 * @param {Call} call
 */
export function isUnknown({ op, ok, error, lost }) {
  const writes = op === 'release' || TAKES.has(op)
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
 * In the order in which they were asked. Of lists, only that they were told: see `readLists`.
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
      if (call.op === 'list' && call.ok !== undefined) call.ok = true
    }
  }
  return calls
}

/**
 * Lists are long, so they are never all in memory at once.
 * @param {string} path
 * @returns {Generator<Call>}
 */
export function* readLists(path) {
  const by = nameOfHistory(path)
  const asked = new Map()
  for (const line of linesOf(path)) {
    if (line.includes('"op":"list"')) {
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
