// Checks the events of calls that take several numbers: each transaction took all that was
// requested, except for services that already held ports.

import {
  checkRefused,
  holdingOf,
  isRefused,
  mayBeToldTo,
  WITHOUT_CHANGE,
  WITHOUT_EVENT,
} from './allocations.js'
import type { Report } from './check.js'
import { type Named, nameOf } from './claims.js'
import type { All, Event } from './events.js'
import { groupBy } from './groups.js'
import { type Call, itemsOf, toldBy } from './histories.js'
import type { Ledger } from './Ledger.js'
import { INCOMPLETE_BATCH, isLaidOut } from './layouts.js'

export function checkBatchEvents(
  ledger: Ledger,
  call: Call,
  own: readonly Event[],
  all: All,
  report: Report,
) {
  if (isRefused(call)) return checkRefused(call, own, all.told, report)
  for (const events of groupBy(own, ({ transaction }) => transaction).values()) {
    checkTransaction(ledger, call, events, all, report)
  }
  checkAttempts(call, own, all, report)
  if (call.ok !== undefined) checkTold(ledger, call, own, all, report)
}

/** @param events the events of one transaction */
function checkTransaction(
  ledger: Ledger,
  call: Call,
  events: readonly Event[],
  { ofService }: All,
  report: Report,
) {
  for (const item of itemsOf(call)) {
    const given = events.filter(({ service }) => service === item.service)
    if (given.length > 0) {
      if (!isLaidOut(item, given)) report(INCOMPLETE_BATCH, { call, item, events: given })
      continue
    }
    const { service } = item
    const mayHaveHeld = item.protocols
      .flatMap((proto) => ofService.get(nameOf({ ...(call as Named), service, proto })) ?? [])
      .some((holding) => mayBeToldTo(ledger, holding, call))
    if (!mayHaveHeld) report(INCOMPLETE_BATCH, { call, item, 'given to others only': events })
  }
}

/**
 * One attempt takes effect, or several if replies were lost. Then the ports of the earlier ones
 * were released in between.
 */
function checkAttempts(call: Call, own: readonly Event[], { told }: All, report: Report) {
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

function checkTold(
  ledger: Ledger,
  call: Call,
  own: readonly Event[],
  { holdings }: All,
  report: Report,
) {
  const told = toldBy(call).map((number) => holdingOf({ ...(call as Named), ...number }))
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
