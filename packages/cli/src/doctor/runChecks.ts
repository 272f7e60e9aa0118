import { setTimeout as sleep } from 'node:timers/promises'
import type { Check, Finding, Result } from './Check.js'
import { CannotCheck, type Subject } from './Subject.js'

const CHECK_TIMEOUT_MS = 10_000

/**
 * Runs all checks concurrently, and returns their findings in the order of the checks. A check that
 * throws, or does not end within its timeout, gives a finding with the state `unknown`.
 */
export async function runChecks(checks: readonly Check[], subject: Subject): Promise<Finding[]> {
  const findings = await Promise.all(
    checks.map(async (check) => {
      const results = await resultsOf(check, subject)
      return results.map((result) => ({ check: check.name, ...result }))
    }),
  )
  return findings.flat()
}

async function resultsOf(check: Check, subject: Subject): Promise<readonly Result[]> {
  const { timeoutMs = CHECK_TIMEOUT_MS } = check
  const ended = new AbortController()
  const late = sleep(timeoutMs, undefined, { signal: ended.signal }).then((): Result[] => [
    { state: 'unknown', message: `Not checked: no answer within ${timeoutMs / 1000} s.` },
  ])
  // The abort below rejects this promise after the race has ended.
  late.catch(() => {})
  try {
    return await Promise.race([check.run(subject), late])
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const fix = error instanceof CannotCheck ? error.fix : undefined
    return [{ state: 'unknown', message: `Not checked: ${message}`, ...(fix && { fix }) }]
  } finally {
    ended.abort()
  }
}
