import { setTimeout as sleep } from 'node:timers/promises'
import type { Check, Finding, Result } from './Check.js'
import { CannotCheck, type Subject } from './Subject.js'

const CHECK_TIMEOUT_MS = 10_000

/** Runs all checks at the same time. Returns what they find, in their order. */
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
  // Its timer is cleared below, which rejects it.
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
