// LAYOUT_MISMATCH is true only if a service of the call may have held ports that are not what was
// asked for it.
import { nameOf } from './claims.mjs'
import { groupBy } from './groups.mjs'
import { itemsOf, TAKES_MANY } from './histories.mjs'
import { fits } from './layouts.mjs'

/**
 * @typedef {import('./claims.mjs').Claim} Claim
 * @typedef {import('./histories.mjs').Call} Call
 * @typedef {import('./histories.mjs').Item} Item
 * @typedef {import('./Ledger.mjs').Ledger} Ledger
 */

/**
 * `decided`: how often a service certainly held ports that were not what was asked for it.
 * @param {Ledger} ledger
 * @param {import('./check.mjs').Report} report
 */
export function checkMismatches(ledger, report) {
  const doubts = groupBy(ledger.doubts, ({ service }) => service.name)
  const refusals = ledger.calls.filter(
    ({ op, error }) => TAKES_MANY.has(op) && error === 'LAYOUT_MISMATCH',
  )
  let decided = 0
  for (const call of refusals) {
    const held = itemsOf(call).map((item) => ({ item, ...heldOf(ledger, doubts, call, item) }))
    const mayMismatch = held.some(
      ({ item, certain, possible, isDoubtful }) =>
        isDoubtful || (isAny(possible) && !fits(item, certain)),
    )
    if (!mayMismatch) report('false LAYOUT_MISMATCH', call)
    const mustMismatch = held.some(
      ({ item, certain, possible, isDoubtful }) =>
        !isDoubtful && isAny(certain) && !fits(item, possible),
    )
    if (mustMismatch) decided++

    /** @param {(proto: string) => Set<number>} numbersOf */
    function isAny(numbersOf) {
      return ['tcp', 'udp'].some((proto) => numbersOf(proto).size > 0)
    }
  }
  return { refused: refusals.length, decided }
}

/**
 * Whether the service certainly held what the item asks for, all the while.
 * @param {Ledger} ledger
 * @param {Call} call
 * @param {Item} item
 */
export function isCertainlyHeld(ledger, call, item) {
  return fits(item, heldOf(ledger, new Map(), call, item).certain)
}

/**
 * What the service held of the item's protocols during the call, by its key if it has one.
 * @param {Ledger} ledger
 * @param {Map<string, unknown[]>} doubts
 * @param {Call} call
 * @param {Item} item
 */
function heldOf(ledger, doubts, call, { service, protocols }) {
  const { at, end } = call
  const names = new Map(
    protocols.map((proto) => [proto, nameOf({ .../** @type {any} */ (call), service, proto })]),
  )
  const counts = (/** @type {Claim} */ { call: other }) =>
    call.op === 'ensureMany' || (call.key !== undefined && call.key === other.key)
  /** @param {(claim: Claim) => boolean} isHeld */
  const held = (isHeld) => (/** @type {string} */ proto) => {
    const claims = ledger.services.get(names.get(proto) ?? '')?.claims ?? []
    return new Set(claims.filter((claim) => counts(claim) && isHeld(claim)).map(({ port }) => port))
  }
  const mayBeUnsure = call.op === 'ensureMany' || call.key !== undefined
  const open = /** @type {{ from: number, until: number }[]} */ (
    [...names.values()].flatMap((name) => doubts.get(name) ?? [])
  )
  return {
    certain: held(({ from, until }) => from < at && until > end),
    possible: held(({ possiblyFrom, possiblyUntil }) => possiblyFrom <= end && possiblyUntil >= at),
    isDoubtful: mayBeUnsure && open.some(({ from, until }) => from <= end && until >= at),
  }
}
