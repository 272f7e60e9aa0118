// Checks that a call of one project waits neither for a transaction that is stuck in another
// project nor for a lock of a role without rights on the registry.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Report } from './check.js'
import type { Ledger } from './Ledger.js'

/** A period in which held locks were the only fault. */
export interface Stuck {
  /** The project whose rows were locked; absent if none were. */
  readonly project?: string
  /** µs. */
  readonly from: number
  /** µs. */
  readonly until: number
}

/**
 * The file of these periods in the directory of the histories. Each line is `<from> <until>
 * <project>`.
 */
export const STUCK = 'stuck.txt'
export const WAITED_FOR_UNRELATED = 'waited for an unrelated transaction'

const OF_ONE_PROJECT = [
  'get',
  'allocate',
  'claim',
  'ensureMany',
  'allocateMany',
  'release',
  'move',
  'update',
]
const ALLOWED_WAIT_US = 2_000_000
/** A busy machine is slower even without locks, so calls may take twice as long as just before. */
export const JUST_BEFORE_US = 1_500_000

export function checkWaits(ledger: Ledger, times: readonly Stuck[], report: Report) {
  const calls = ledger.calls
    .filter(({ op }) => OF_ONE_PROJECT.includes(op))
    .map((call) => ({ call, at: call.at, end: Math.min(call.end, ledger.exitedAt(call)) }))
  for (const stuck of times) {
    const justBefore = calls
      .filter(({ at, end }) => at > stuck.from - JUST_BEFORE_US && end < stuck.from)
      .map(({ at, end }) => end - at)
    const longest = justBefore.reduce((most, took) => Math.max(most, 2 * took), ALLOWED_WAIT_US)
    for (const { call, at, end } of calls) {
      if (stuck.project === call.project) continue
      const waited = Math.min(end, stuck.until) - Math.max(at, stuck.from)
      if (waited > longest) report(WAITED_FOR_UNRELATED, { call, stuck, seconds: waited / 1e6 })
    }
  }
}

/** @param directory of the histories */
export function readStuck(directory: string): Stuck[] {
  const path = join(directory, STUCK)
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [from, until, project] = line.split(' ')
      return { from: Number(from), until: Number(until), ...(project && { project }) }
    })
}
