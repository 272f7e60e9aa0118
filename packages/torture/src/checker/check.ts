// Checks a run from the histories of the callers and the final state of the database. It follows
// from the registry's guarantees alone and shares no code with it.
//
// It separates the certain from the possible (claims.ts). Calls may be concurrent. A call takes
// effect at some moment between its start and its reply, without a reply at any time after its
// start. A report means that no order of effects is correct. Errors that an unknown outcome
// may explain are not reported.

import { WITHOUT_CHANGE, WITHOUT_EVENT } from './allocations.js'
import { checkBatches } from './batches.js'
import type { Named } from './claims.js'
import { checkDumps, NOT_A_SNAPSHOT } from './dumps.js'
import { checkEvents, type Records } from './events.js'
import { checkExhausted } from './exhausted.js'
import { OVER_RATE_LIMIT } from './givenPorts.js'
import { type Call, FOREVER, NOTHING_CHANGED, takes, toldBy } from './histories.js'
import { certainHoldings, checkAllocatedTwice, checkHeldByTwo, checkOnePort } from './holdings.js'
import { Ledger } from './Ledger.js'
import { INCOMPLETE_BATCH, WRONG_LAYOUT } from './layouts.js'
import { checkLeases, RENEWED_AFTER_END } from './leaseAnswers.js'
import { WRONG_LEASE_END } from './leaseEvents.js'
import { checkLimits, OVER_LIMIT } from './limits.js'
import { checkLists, checkRows } from './lists.js'
import { checkMismatches } from './mismatches.js'
import { checkMoves, NOT_ATOMIC } from './moves.js'
import { checkRanges } from './rangeAnswers.js'
import { checkReserved, RESERVED_ALLOCATED } from './reservedNumbers.js'
import { checkRests, TAKEN_WHILE_RESTING } from './rests.js'
import { checkReturns, RESTING_NOT_RETURNED } from './returns.js'
import { checkTaken } from './taken.js'
import { checkResolved, type Unresolved, unresolvedServices } from './unknownOutcomes.js'
import { checkWaits, readStuck, WAITED_FOR_UNRELATED } from './waits.js'

export type Row = Named & { port: number }

/** The live rows, and the start and end of the query. */
export type Table = { at: number; end: number; rows: readonly Row[] }

export type Violation = keyof typeof NOTHING_FOUND

export type Report = (kind: Violation, details: unknown) => void

const NOTHING_FOUND = {
  'held by two at once': 0,
  'acknowledged and lost': 0,
  'held without acknowledgement': 0,
  'outside its range': 0,
  'false RANGE_EXHAUSTED': 0,
  'false PORT_TAKEN': 0,
  'false PORT_OUT_OF_RANGE': 0,
  'false PORT_RESERVED': 0,
  'false LAYOUT_MISMATCH': 0,
  'false LEASE_LOST': 0,
  'false LIMIT_REACHED': 0,
  [OVER_LIMIT]: 0,
  [OVER_RATE_LIMIT]: 0,
  [TAKEN_WHILE_RESTING]: 0,
  [RESTING_NOT_RETURNED]: 0,
  'false RANGE_OVERLAP': 0,
  'false RANGE_IN_USE': 0,
  [WRONG_LAYOUT]: 0,
  [INCOMPLETE_BATCH]: 0,
  [RESERVED_ALLOCATED]: 0,
  [NOT_ATOMIC]: 0,
  [RENEWED_AFTER_END]: 0,
  [WRONG_LEASE_END]: 0,
  [NOT_A_SNAPSHOT]: 0,
  'two ports for one service or key': 0,
  'deadlock reported to a caller': 0,
  'unexpected error or answer': 0,
  'call that did not end': 0,
  [WITHOUT_EVENT]: 0,
  [WITHOUT_CHANGE]: 0,
  [WAITED_FOR_UNRELATED]: 0,
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
/** The calls that each error may refuse. */
const REFUSALS: Record<string, string[]> = {
  RANGE_EXHAUSTED: ['get', 'lease', 'allocate', 'ensureMany', 'allocateMany'],
  PORT_TAKEN: ['claim', 'move'],
  PORT_OUT_OF_RANGE: ['claim', 'move'],
  PORT_RESERVED: ['claim', 'move'],
  LEASE_LOST: ['renew', 'release'],
  LIMIT_REACHED: ['get', 'lease', 'allocate', 'claim', 'ensureMany', 'allocateMany'],
  LAYOUT_MISMATCH: ['ensureMany', 'allocateMany'],
  RANGE_OVERLAP: ['addRange'],
  RANGE_IN_USE: ['removeRange'],
  // The range does not exist.
  INVALID_ARGUMENT: ['removeRange'],
}
/** No attempt starts more than half a minute after the first, or takes longer than that. */
const MAX_CALL_US = 90_000_000

/**
 * Returns the services whose outcome getOrAllocate must resolve.
 * @param directory the directory of the histories
 * @param table read after all calls
 */
export function findUnresolved(directory: string, table: Table) {
  return unresolvedServices(new Ledger(directory), table)
}

/** The state after the resolver ended. */
export interface After {
  /** The services that it had to resolve. */
  readonly unresolved?: readonly Unresolved[]
  readonly records?: Records
}

/**
 * @param directory the directory of the histories
 * @param table read after all calls except those of the resolver
 */
export function check(directory: string, table: Table, { unresolved = [], records }: After = {}) {
  const found = { ...NOTHING_FOUND }
  const examples: { kind: Violation; details: unknown }[] = []
  const report: Report = (kind, details) => {
    if (found[kind]++ < EXAMPLES) examples.push({ kind, details })
  }
  const ledger = new Ledger(directory)
  checkAnswers(ledger, report)
  const holdings = certainHoldings(ledger)
  checkHeldByTwo(holdings, report)
  checkAllocatedTwice(ledger, report)
  checkOnePort(ledger, report)
  checkLists(ledger, holdings, report)
  checkDumps(ledger, holdings, report)
  checkRows(ledger, { what: 'the table in the end', ...table }, holdings, report)
  checkResolved(ledger, unresolved, report)
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

function checkAnswers(ledger: Ledger, report: Report) {
  for (const call of ledger.calls) {
    if (call.end !== FOREVER && !isExpected(call)) report('unexpected error or answer', call)
    const waited = Math.min(call.end, ledger.exitedAt(call)) - call.at
    if (waited > MAX_CALL_US && waited !== FOREVER) report('call that did not end', call)
    // The registry takes its locks in one order and promises that there are no deadlocks.
    if (/deadlock/i.test(call.text ?? '')) report('deadlock reported to a caller', call)
    if (call.ok === undefined) continue
    if (takes(call) && !isInRange(ledger, call)) report('outside its range', call)
    const isImpossible =
      (call.op === 'claim' && call.ok !== call.wanted) ||
      (call.op === 'renew' && call.ok.port !== call.port) ||
      (call.op === 'move' && call.ok !== null && call.ok.port !== call.wanted)
    if (isImpossible) report('unexpected error or answer', call)
  }
}

function isInRange({ ranges }: Ledger, call: Call) {
  const { project = '', host = '', at, end } = call
  return toldBy(call).every(({ port }) =>
    ranges.mayOwn({ project, host, port }, { from: at, until: end }),
  )
}

function isExpected(call: Call) {
  const { op, ok, error } = call
  if (error === undefined) return ok !== undefined
  if (error === 'OUTCOME_UNKNOWN') return takes(call) || WRITES.includes(op)
  return REFUSALS[error]?.includes(op) ?? NOTHING_CHANGED.has(error)
}

function statistics(calls: readonly Call[]) {
  const acknowledged: Record<string, number> = {}
  const errors: Record<string, number> = {}
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
