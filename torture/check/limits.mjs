// A project never holds more ports than its limit, on all hosts together; and LIMIT_REACHED is told only
// if what was asked for may have been too many at some moment of the call.
import { PROJECTS } from '../workload.mjs'
import { nameOf, placeOf } from './claims.mjs'
import { ownPort, possibleHoldings } from './exhausted.mjs'
import { groupBy } from './groups.mjs'
import { FOREVER, itemsOf, TAKES_MANY } from './histories.mjs'
import { during, mostAtOnce } from './intervals.mjs'

/**
 * @typedef {import('./check.mjs').Report} Report
 * @typedef {import('./histories.mjs').Call} Call
 * @typedef {import('./holdings.mjs').Holding} Holding
 * @typedef {import('./intervals.mjs').Interval} Interval
 * @typedef {import('./Ledger.mjs').Ledger} Ledger
 */

export const OVER = 'more ports held than the limit'

const LIMITS = new Map(
  PROJECTS.flatMap(({ projectName, maxPorts }) =>
    maxPorts === undefined ? [] : [[projectName, maxPorts]],
  ),
)

/**
 * @param {Ledger} ledger
 * @param {Map<string, Holding[]>} holdings
 * @param {Report} report
 */
export function checkLimits(ledger, holdings, report) {
  const all = [...holdings.values()].flat()
  for (const [project, most] of LIMITS) {
    checkHeld(
      most,
      all.filter(({ service }) => service.project === project),
      report,
    )
  }
  const certain = groupBy(all, ({ service, port }) => `${service.name}/${port}`)
  const possible = possibleByProject(ledger)
  for (const call of ledger.calls) {
    if (call.error !== 'LIMIT_REACHED') continue
    const own = TAKES_MANY.has(call.op) ? undefined : ownPort(ledger, certain, call)
    if (own !== undefined) report('false LIMIT_REACHED', { call, holds: own })
    checkReached(ledger, call, possible.get(call.project ?? '') ?? [], report)
  }
}

/**
 * The times at which somebody may have held a number of the project, by number.
 * @param {Ledger} ledger
 */
function possibleByProject(ledger) {
  const owners = new Map(
    [...ledger.services.values()].flatMap((service) =>
      [...service.claimsByPort.keys()].map((port) => [
        placeOf({ ...service, port }),
        service.project,
      ]),
    ),
  )
  const times = groupBy(possibleHoldings(ledger), ([place]) => owners.get(place) ?? '')
  return new Map([...times].map(([project, there]) => [project, there.map(([, held]) => held)]))
}

/**
 * @param {number} most
 * @param {readonly Holding[]} holdings
 * @param {Report} report
 */
function checkHeld(most, holdings, report) {
  // A release that is asked for may have taken effect at once.
  const spans = holdings.map(({ from, until }) => ({ from, until: until - 1 }))
  const held = mostAtOnce({ from: 0, until: FOREVER }, spans)
  if (held > most) report(OVER, { project: holdings[0]?.service.project, held, most })
}

/**
 * @param {Ledger} ledger
 * @param {Call} call
 * @param {readonly Interval[][]} possible
 * @param {Report} report
 */
function checkReached(ledger, call, possible, report) {
  const { project = '', at, end } = call
  const most = LIMITS.get(project) ?? FOREVER
  const window = { from: at, until: end }
  const asked = itemsOf(call).reduce(
    (sum, { count, protocols }) => sum + count * protocols.length,
    0,
  )
  const numbers = possible.flatMap((there) => during(there, window))
  const doubtful = ledger.doubts.filter(({ service }) => service.project === project)
  const held = mostAtOnce(window, [...numbers, ...doubtful])
  if (held + asked <= most) report('false LIMIT_REACHED', { call, held, asked, most })
}

/**
 * What a list or a dump shows, or the table. A lease may have ended after the list was begun, and the
 * port been given again.
 * @param {Ledger} ledger
 * @param {import('./lists.mjs').Seen} seen
 * @param {Report} report
 */
export function checkCount({ services }, { what, at, rows }, report) {
  for (const [project, most] of LIMITS) {
    const held = rows.filter(
      (row) => row.project === project && !services.get(nameOf(row))?.leases.any,
    ).length
    if (held > most) report(OVER, { project, held, most, in: what, at })
  }
}
