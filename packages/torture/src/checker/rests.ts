// Checks that resting numbers are returned only to the service that held them last.

import { PROJECTS } from '../workload.js'
import type { Report } from './check.js'
import { type Claim, placeOf } from './claims.js'
import { groupBy } from './groups.js'
import { FOREVER } from './histories.js'
import { byStart, firstAfter } from './intervals.js'
import type { Ledger } from './Ledger.js'

export const TAKEN_WHILE_RESTING = 'given before its rest was over'

const RESTS_US = new Map(
  PROJECTS.flatMap(({ projectName, restSeconds }) =>
    restSeconds === undefined ? [] : [[projectName, restSeconds * 1e6]],
  ),
)

/** Returns how long numbers of the project rest in µs, or undefined if they do not. */
export function restsOf(project: string) {
  return RESTS_US.get(project)
}

/**
 * Returns the latest end of the rest after a release at that time. A rest that was over begins
 * again when the clock is set back.
 */
export function restUntil({ jumps }: Ledger, project: string, released: number) {
  const length = restsOf(project)
  if (length === undefined) return released
  return jumps.isDuring({ from: released, until: FOREVER }) ? FOREVER : released + length
}

export function checkRests(ledger: Ledger, report: Report) {
  const claims = [...ledger.services.values()]
    .filter(({ project }) => restsOf(project) !== undefined)
    .flatMap((service) => service.claims)
  const places = groupBy(claims, ({ service, port }) => placeOf({ ...service, port }))
  for (const there of places.values()) checkPlace(ledger, there, report)
}

/** @param claims the claims of one number */
function checkPlace(ledger: Ledger, claims: readonly Claim[], report: Report) {
  const calls = claims.map(({ call, service }) => ({ from: call.at, call, service })).sort(byStart)
  for (const held of claims) {
    if (held.until <= held.from || held.until === FOREVER) continue
    // A call that started later and ended earlier took the number in between.
    const rested = certainRestUntil(ledger, held)
    for (let next = firstAfter(calls, held.from); next < calls.length; next++) {
      const { call, service } = calls[next] as (typeof calls)[number]
      if (call.at >= rested) break
      if (service === held.service || call.end >= rested) continue
      report(TAKEN_WHILE_RESTING, { call, 'held before by': held.call, until: held.until })
    }
  }
}

/** Returns until when the number certainly rests after the claim. */
function certainRestUntil({ jumps }: Ledger, { service, until }: Claim) {
  const length = restsOf(service.project) ?? 0
  return jumps.certainUntil({ from: until, until: until + length })
}
