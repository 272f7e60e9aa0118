// Judges a run from what the callers were told and what the database holds in the end. Written from
// the registry's promises alone; shares no code with it.
//
// What is certain is told from what is possible (claims.mjs). Calls may overlap, in one process as
// among many: a call takes effect at some moment between its asking and its answer, one without an
// answer at any time from its asking on. Whatever is reported is wrong in every order of effects
// that these leave open; what hides in a doubt is not reported.
import { WITHOUT_CHANGE, WITHOUT_EVENT } from './allocations.mjs'
import { checkBatches } from './batches.mjs'
import { checkResolved, servicesInDoubt } from './doubts.mjs'
import { checkDumps, MIXED } from './dumps.mjs'
import { checkEvents } from './events.mjs'
import { checkExhausted } from './exhausted.mjs'
import { TOO_FAST } from './givenPorts.mjs'
import { FOREVER, NOTHING_CHANGED, takes, toldBy } from './histories.mjs'
import { certainHoldings, checkAllocatedTwice, checkHeldByTwo, checkOnePort } from './holdings.mjs'
import { Ledger } from './Ledger.mjs'
import { HALF, OTHER_LAYOUT } from './layouts.mjs'
import { checkLeases, TOO_LATE } from './leaseAnswers.mjs'
import { OTHER_END } from './leaseEvents.mjs'
import { checkLimits, OVER } from './limits.mjs'
import { checkLists, checkRows } from './lists.mjs'
import { checkMismatches } from './mismatches.mjs'
import { checkMoves, IN_PARTS } from './moves.mjs'
import { checkRanges } from './rangeAnswers.mjs'
import { checkReserved, IN_SPITE } from './reservedNumbers.mjs'
import { checkRests, TOO_EARLY } from './rests.mjs'
import { checkReturns, NOT_ITS_OWN } from './returns.mjs'
import { checkTaken } from './taken.mjs'
import { checkWaits, readStuck, WAITED } from './waits.mjs'

/**
 * @typedef {import('./claims.mjs').Named & { port: number }} Row
 *
 * The live rows, and when they were asked for and given.
 * @typedef {{ at: number, end: number, rows: readonly Row[] }} Table
 *
 * @typedef {keyof typeof NOTHING_FOUND} Wrong
 * @typedef {(kind: Wrong, details: unknown) => void} Report
 */

const NOTHING_FOUND = {
  'held by two at once': 0,
  'acknowledged and lost': 0,
  'held, and nobody was told (zombie)': 0,
  'outside its range': 0,
  'false RANGE_EXHAUSTED': 0,
  'false PORT_TAKEN': 0,
  'false PORT_OUT_OF_RANGE': 0,
  'false PORT_RESERVED': 0,
  'false LAYOUT_MISMATCH': 0,
  'false LEASE_LOST': 0,
  'false LIMIT_REACHED': 0,
  [OVER]: 0,
  [TOO_FAST]: 0,
  [TOO_EARLY]: 0,
  [NOT_ITS_OWN]: 0,
  'false RANGE_OVERLAP': 0,
  'false RANGE_IN_USE': 0,
  [OTHER_LAYOUT]: 0,
  [HALF]: 0,
  [IN_SPITE]: 0,
  [IN_PARTS]: 0,
  [TOO_LATE]: 0,
  [OTHER_END]: 0,
  [MIXED]: 0,
  'two ports for one service or key': 0,
  'told of a deadlock': 0,
  'raw or absurd error': 0,
  'call that did not end': 0,
  [WITHOUT_EVENT]: 0,
  [WITHOUT_CHANGE]: 0,
  [WAITED]: 0,
}

const EXAMPLES = 3
const WRITES = [
  'release',
  'update',
  'audit',
  'migrate',
  'addRange',
  'removeRange',
  'reserve',
  'unreserve',
]
/** Which calls may be refused so. */
const REFUSALS = /** @type {Record<string, string[]>} */ ({
  RANGE_EXHAUSTED: ['get', 'lease', 'allocate', 'ensureMany', 'allocateMany'],
  PORT_TAKEN: ['claim', 'move'],
  PORT_OUT_OF_RANGE: ['claim', 'move'],
  PORT_RESERVED: ['claim', 'move'],
  LEASE_LOST: ['renew', 'release'],
  LIMIT_REACHED: ['get', 'lease', 'allocate', 'claim', 'ensureMany', 'allocateMany'],
  LAYOUT_MISMATCH: ['ensureMany', 'allocateMany'],
  RANGE_OVERLAP: ['addRange'],
  RANGE_IN_USE: ['removeRange'],
  // There is no such range.
  INVALID_ARGUMENT: ['removeRange'],
})
/** No attempt begins later than half a minute after the first, and none may take as long again. */
const ENDS_WITHIN_US = 90_000_000

/**
 * @param {string} directory of the histories
 * @param {Table} table when all calls had ended
 */
export function findDoubts(directory, table) {
  return servicesInDoubt(new Ledger(directory), table)
}

/**
 * @param {string} directory of the histories
 * @param {Table} table when all calls had ended, but for those of the resolver
 * @param {object} [after] the state after those had ended
 * @param {readonly import('./doubts.mjs').InDoubt[]} [after.doubts] that it was to resolve
 * @param {import('./events.mjs').Records} [after.records]
 */
export function check(directory, table, { doubts = [], records } = {}) {
  const found = { ...NOTHING_FOUND }
  const examples = /** @type {{ kind: Wrong, details: unknown }[]} */ ([])
  const report = /** @type {Report} */ (
    (kind, details) => {
      if (found[kind]++ < EXAMPLES) examples.push({ kind, details })
    }
  )
  const ledger = new Ledger(directory)
  checkAnswers(ledger, report)
  const holdings = certainHoldings(ledger)
  checkHeldByTwo(holdings, report)
  checkAllocatedTwice(ledger, report)
  checkOnePort(ledger, report)
  checkLists(ledger, holdings, report)
  checkDumps(ledger, holdings, report)
  checkRows(ledger, { what: 'the table in the end', ...table }, holdings, report)
  checkResolved(ledger, doubts, report)
  if (records) checkEvents(ledger, records, report)
  checkWaits(ledger, readStuck(directory), report)
  checkTaken(ledger, report)
  checkRanges(ledger, holdings, report)
  checkReserved(ledger, report)
  checkMoves(ledger, holdings, report)
  checkLeases(ledger, report)
  checkLimits(ledger, holdings, report)
  checkRests(ledger, report)
  checkBatches(ledger, report)
  const returns = checkReturns(ledger, report)
  const mismatches = checkMismatches(ledger, report)
  const exhausted = checkExhausted(ledger, holdings, report)
  return { found, examples, exhausted, mismatches, returns, ...statistics(ledger.calls) }
}

/**
 * @param {Ledger} ledger
 * @param {Report} report
 */
function checkAnswers(ledger, report) {
  for (const call of ledger.calls) {
    if (call.end !== FOREVER && !isExpected(call)) report('raw or absurd error', call)
    const waited = Math.min(call.end, ledger.diedAt(call)) - call.at
    if (waited > ENDS_WITHIN_US && waited !== FOREVER) report('call that did not end', call)
    // The registry takes its locks in one order, and promises that nobody has to be sent away.
    if (/deadlock/i.test(call.text ?? '')) report('told of a deadlock', call)
    if (call.ok === undefined) continue
    if (takes(call) && !isInRange(ledger, call)) report('outside its range', call)
    const isAbsurd =
      (call.op === 'claim' && call.ok !== call.wanted) ||
      (call.op === 'renew' && call.ok.port !== call.port) ||
      (call.op === 'move' && call.ok !== null && call.ok.port !== call.wanted)
    if (isAbsurd) report('raw or absurd error', call)
  }
}

/**
 * @param {Ledger} ledger
 * @param {import('./histories.mjs').Call} call
 */
function isInRange({ ranges }, call) {
  const { project = '', host = '', at, end } = call
  return toldBy(call).every(({ port }) =>
    ranges.mayOwn({ project, host, port }, { from: at, until: end }),
  )
}

/** @param {import('./histories.mjs').Call} call */
function isExpected(call) {
  const { op, ok, error } = call
  if (error === undefined) return ok !== undefined
  if (error === 'OUTCOME_UNKNOWN') return takes(call) || WRITES.includes(op)
  return REFUSALS[error]?.includes(op) ?? NOTHING_CHANGED.has(error)
}

/** @param {readonly import('./histories.mjs').Call[]} calls */
function statistics(calls) {
  const acknowledged = /** @type {Record<string, number>} */ ({})
  const errors = /** @type {Record<string, number>} */ ({})
  let unanswered = 0
  let slowest = 0
  for (const { op, at, end, ok, error } of calls) {
    if (ok !== undefined) acknowledged[op] = (acknowledged[op] ?? 0) + 1
    else if (error === undefined) unanswered++
    else {
      const told = `${error} to ${op}`
      errors[told] = (errors[told] ?? 0) + 1
    }
    if (end !== FOREVER) slowest = Math.max(slowest, end - at)
  }
  return { acknowledged, errors, unanswered, slowest }
}
