// A number that rests is given to nobody but the service that held it last.
import { PROJECTS } from '../workload.mjs'
import { placeOf } from './claims.mjs'
import { groupBy } from './groups.mjs'
import { FOREVER } from './histories.mjs'
import { byStart, firstAfter } from './intervals.mjs'

/**
 * @typedef {import('./check.mjs').Report} Report
 * @typedef {import('./claims.mjs').Claim} Claim
 * @typedef {import('./Ledger.mjs').Ledger} Ledger
 */

export const TOO_EARLY = 'given before its rest was over'

const RESTS_US = new Map(
  PROJECTS.flatMap(({ projectName, restSeconds }) =>
    restSeconds === undefined ? [] : [[projectName, restSeconds * 1e6]],
  ),
)

/**
 * For how long numbers of the project rest, in µs; undefined if they do not.
 * @param {string} project
 */
export function restsOf(project) {
  return RESTS_US.get(project)
}

/**
 * Until when a number rests at the latest that was released then.
 * @param {Ledger} ledger
 * @param {string} project
 * @param {number} released
 */
export function restUntil({ jumps }, project, released) {
  const length = restsOf(project)
  if (length === undefined) return released
  const until = released + length
  return jumps.isDuring({ from: released, until }) ? FOREVER : until
}

/**
 * @param {Ledger} ledger
 * @param {Report} report
 */
export function checkRests(ledger, report) {
  const claims = [...ledger.services.values()]
    .filter(({ project }) => restsOf(project) !== undefined)
    .flatMap((service) => service.claims)
  const places = groupBy(claims, ({ service, port }) => placeOf({ ...service, port }))
  for (const there of places.values()) checkPlace(ledger, there, report)
}

/**
 * @param {Ledger} ledger
 * @param {readonly Claim[]} claims of one number
 * @param {Report} report
 */
function checkPlace(ledger, claims, report) {
  const calls = claims.map(({ call, service }) => ({ from: call.at, call, service })).sort(byStart)
  for (const held of claims) {
    if (held.until <= held.from || held.until === FOREVER) continue
    // One that was asked for later, and answered before, was given the number in between.
    const rested = certainRestUntil(ledger, held)
    for (let next = firstAfter(calls, held.from); next < calls.length; next++) {
      const { call, service } = /** @type {typeof calls[number]} */ (calls[next])
      if (call.at >= rested) break
      if (service === held.service || call.end >= rested) continue
      report(TOO_EARLY, { call, 'held before by': held.call, until: held.until })
    }
  }
}

/**
 * Until when the number certainly rests that was held so.
 * @param {Ledger} ledger
 * @param {Claim} held
 */
function certainRestUntil({ jumps }, { service, until }) {
  const length = restsOf(service.project) ?? 0
  return jumps.certainUntil({ from: until, until: until + length })
}
