// Checks that a move is atomic. At every moment of the call the service holds one of the two
// numbers, and no other service holds that one.

import { checkRefused, isRefused, WITHOUT_CHANGE, WITHOUT_EVENT } from './allocations.js'
import type { Report } from './check.js'
import { type Named, nameOf, placeOf } from './claims.js'
import type { Event, Told } from './events.js'
import { groupBy } from './groups.js'
import type { Call } from './histories.js'
import type { Holding } from './holdings.js'
import { firstAfter } from './intervals.js'
import type { Ledger } from './Ledger.js'
import type { Seen } from './lists.js'

export const NOT_ATOMIC = 'move that was not atomic'

/** Longer than any call may take. */
const LONGEST_US = 90_000_000

export function checkMoves(ledger: Ledger, holdings: Map<string, Holding[]>, report: Report) {
  for (const call of ledger.calls) {
    if (call.op !== 'move' || call.lost) continue
    if (call.ok === null) checkHeldNeither(ledger, call, report)
    else if (call.ok?.moved) checkInstant(holdings, call, report)
  }
}

/** If a move finds neither number, the service held none that could be moved. */
function checkHeldNeither({ services }: Ledger, call: Call, report: Report) {
  const { at, end, from, wanted } = call
  const held = services
    .get(nameOf(call as Named))
    ?.claims.find(
      (claim) =>
        claim.from < at &&
        claim.until > end &&
        (from === undefined || claim.port === from || claim.port === wanted),
    )
  if (held) report('acknowledged and lost', { call, held: held.port })
}

/** Other services hold the old number only after the move, and the new one only before it. */
function checkInstant(holdings: Map<string, Holding[]>, call: Call, report: Report) {
  const named = call as Named
  const ofOthers = (port: number) =>
    (holdings.get(placeOf({ ...named, port })) ?? []).filter(
      ({ service }) => service.name !== nameOf(named),
    )
  const { at, end, ok } = call
  for (const { from, service } of ofOthers(ok.from)) {
    if (from <= at || from >= end) continue
    const late = ofOthers(ok.port).find((other) => other.until >= from && other.until < end)
    if (late)
      report(NOT_ATOMIC, {
        call,
        'has the old one': service.name,
        'had the new one': late.service.name,
      })
  }
}

/** A list during the move shows one of the two numbers. */
export function checkMovesSeen(
  { moves, services }: Ledger,
  { what, project, at, end, rows }: Seen,
  report: Report,
) {
  for (let nth = firstAfter(moves, at) - 1; nth >= 0; nth--) {
    const { from, call } = moves[nth] as { from: number; call: Call }
    if (from < at - LONGEST_US) break
    if (call.end < end || (project !== undefined && project !== call.project)) continue
    const name = nameOf(call as Named)
    const claims = services.get(name)?.claimsByPort
    const heldBefore = claims
      ?.get(call.ok.from)
      ?.some((claim) => claim.from < from && claim.until === from)
    const heldAfter = claims
      ?.get(call.ok.port)
      ?.some((claim) => claim.call === call && claim.until > end)
    if (!heldBefore || !heldAfter) continue
    const shows = rows.some(
      (row) => nameOf(row) === name && (row.port === call.ok.from || row.port === call.ok.port),
    )
    if (!shows) report(NOT_ATOMIC, { call, 'neither is in': what, at })
  }
}

/** Checks the events of a move: each transaction has the released number, then the new one. */
export function checkMoveEvents(
  call: Call,
  own: readonly Event[],
  told: Map<number, Told>,
  report: Report,
) {
  const attempts = [...groupBy(own, ({ transaction }) => transaction).values()]
  for (const events of attempts) {
    const [old, taken] = events
    const isWhole = events.length === 2 && old?.what === 'released' && taken?.what === 'allocated'
    if (!isWhole) report(NOT_ATOMIC, { call, events })
    else if (taken.allocation <= old.allocation) report(WITHOUT_CHANGE, { call, events })
  }
  if (isRefused(call)) {
    return checkRefused(
      call,
      own.filter(({ what }) => what === 'allocated'),
      told,
      report,
    )
  }
  if (call.ok === undefined || call.lost) return
  const expected = call.ok?.moved ? 1 : 0
  if (attempts.length > expected) report(WITHOUT_CHANGE, { call, events: own })
  const isTold =
    own.some(({ what, port }) => what === 'released' && port === call.ok.from) &&
    own.some(({ what, port }) => what === 'allocated' && port === call.ok.port)
  if (expected === 1 && !isTold) report(WITHOUT_EVENT, { call, events: own })
}
