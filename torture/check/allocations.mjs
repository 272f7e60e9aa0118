// What the events tell of one allocation, and which call may have been told of it.
import { LANDED_AFTER_US } from '../workload.mjs'
import { nameOf } from './claims.mjs'
import { FOREVER, NOTHING_CHANGED } from './histories.mjs'

/**
 * @typedef {import('./histories.mjs').Call} Call
 * @typedef {import('./events.mjs').Event} Event
 * @typedef {import('./events.mjs').Told} Told
 */

export const WITHOUT_EVENT = 'acknowledged change without its event'
/** What ends a holding. */
export const ENDS = new Set(['released', 'lease-ended'])
export const WITHOUT_CHANGE = 'event without a change'

/**
 * Whether the holding may have existed at some moment of the call.
 * @param {import('./Ledger.mjs').Ledger} ledger
 * @param {Told} holding
 * @param {Call} call
 */
export function mayBeToldTo(ledger, { allocated, released }, call) {
  const maker = allocated && ledger.callNamed(allocated.actor)
  if (!maker || maker.at > call.end) return false
  const ender = released && ledger.callNamed(released.actor)
  if (!ender) return true
  // An attempt of a release without an answer may take effect after the next attempt was answered.
  const isTold =
    ender.op === 'move'
      ? ender.ok?.moved && ender.ok.from === released.port
      : ender.ok?.some?.((/** @type {any[]} */ [port]) => port === released.port)
  const ended = isTold ? ender.end : ender.ok ? ender.end + LANDED_AFTER_US : FOREVER
  return ended >= call.at
}

/**
 * A call that takes ports and was refused.
 * @param {Call} call
 * @param {readonly Event[]} own
 * @param {Map<number, Told>} told
 * @param {import('./check.mjs').Report} report
 */
export function checkRefused(call, own, told, report) {
  for (const event of own) {
    // An attempt without an answer may have got a number that was released since.
    if (!call.lost || !told.get(event.allocation)?.released) report(WITHOUT_CHANGE, { call, event })
  }
}

/** @param {Call} call */
export function isRefused({ error }) {
  return NOTHING_CHANGED.has(error ?? '')
}

/** @param {import('./claims.mjs').Named & { port: number }} held */
export function holdingOf(held) {
  return `${nameOf(held)}/${held.port}`
}
