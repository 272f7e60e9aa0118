// The events of calls that take several numbers: each transaction gave all that the call asked for,
// except to services that held ports already.
import {
  checkRefused,
  holdingOf,
  isRefused,
  mayBeToldTo,
  WITHOUT_CHANGE,
  WITHOUT_EVENT,
} from './allocations.mjs'
import { nameOf } from './claims.mjs'
import { groupBy } from './groups.mjs'
import { itemsOf, toldBy } from './histories.mjs'
import { HALF, isLaidOut } from './layouts.mjs'

/**
 * @typedef {import('./check.mjs').Report} Report
 * @typedef {import('./events.mjs').All} All
 * @typedef {import('./events.mjs').Event} Event
 * @typedef {import('./histories.mjs').Call} Call
 * @typedef {import('./Ledger.mjs').Ledger} Ledger
 */

/**
 * @param {Ledger} ledger
 * @param {Call} call
 * @param {readonly Event[]} own
 * @param {All} all
 * @param {Report} report
 */
export function checkBatchEvents(ledger, call, own, all, report) {
  if (isRefused(call)) return checkRefused(call, own, all.told, report)
  for (const events of groupBy(own, ({ transaction }) => transaction).values()) {
    checkTransaction(ledger, call, events, all, report)
  }
  checkAttempts(call, own, all, report)
  if (call.ok !== undefined) checkTold(ledger, call, own, all, report)
}

/**
 * @param {Ledger} ledger
 * @param {Call} call
 * @param {readonly Event[]} events of one transaction
 * @param {All} all
 * @param {Report} report
 */
function checkTransaction(ledger, call, events, { ofService }, report) {
  for (const item of itemsOf(call)) {
    const given = events.filter(({ service }) => service === item.service)
    if (given.length > 0) {
      if (!isLaidOut(item, given)) report(HALF, { call, item, events: given })
      continue
    }
    const { service } = item
    const mayHaveHeld = item.protocols
      .flatMap(
        (proto) => ofService.get(nameOf({ .../** @type {any} */ (call), service, proto })) ?? [],
      )
      .some((holding) => mayBeToldTo(ledger, holding, call))
    if (!mayHaveHeld) report(HALF, { call, item, 'given to others only': events })
  }
}

/**
 * One attempt takes effect, or several where one had no answer: then what a service got before was
 * released in between.
 * @param {Call} call
 * @param {readonly Event[]} own
 * @param {All} all
 * @param {Report} report
 */
function checkAttempts(call, own, { told }, report) {
  const isRepeated = call.op === 'ensureMany' || call.key !== undefined
  const isOnce = !isRepeated || (call.ok !== undefined && !call.lost)
  const counted = isOnce
    ? [own]
    : groupBy(
        own.filter(({ allocation }) => !told.get(allocation)?.released),
        nameOf,
      ).values()
  for (const events of counted) {
    if (new Set(events.map(({ transaction }) => transaction)).size > 1) {
      report(WITHOUT_CHANGE, { call, events })
    }
  }
}

/**
 * @param {Ledger} ledger
 * @param {Call} call
 * @param {readonly Event[]} own
 * @param {All} all
 * @param {Report} report
 */
function checkTold(ledger, call, own, { holdings }, report) {
  const told = toldBy(call).map((number) => holdingOf({ .../** @type {any} */ (call), ...number }))
  const made = new Set(own.map(holdingOf))
  if (!call.lost && own.some((event) => !told.includes(holdingOf(event)))) {
    report(WITHOUT_CHANGE, { call, events: own })
  }
  const mayBeOlder = call.op === 'ensureMany' || call.key !== undefined
  for (const name of told) {
    if (made.has(name)) continue
    const isKnown = holdings.get(name)?.some((holding) => mayBeToldTo(ledger, holding, call))
    if (!mayBeOlder || !isKnown) report(WITHOUT_EVENT, { call, name })
  }
}
