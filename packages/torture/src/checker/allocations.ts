// The events of one allocation, and the calls that may have returned it.

import { MAX_IN_FLIGHT_US } from '../workload.js'
import type { Report } from './check.js'
import { type Named, nameOf } from './claims.js'
import type { Event, Told } from './events.js'
import { type Call, FOREVER, NOTHING_CHANGED } from './histories.js'
import type { Ledger } from './Ledger.js'

export const WITHOUT_EVENT = 'acknowledged change without its event'
/** The events that end an allocation. */
export const ENDS = new Set(['released', 'lease-ended'])
export const WITHOUT_CHANGE = 'event without a change'

/** Whether the allocation may have existed at some moment of the call. */
export function mayBeToldTo(ledger: Ledger, { allocated, released }: Told, call: Call) {
  const maker = allocated && ledger.callNamed(allocated.actor)
  if (!maker || maker.at > call.end) return false
  const ender = released && ledger.callNamed(released.actor)
  if (!ender) return true
  // A lost attempt of a release may take effect after the reply to the next attempt.
  const isTold =
    ender.op === 'move'
      ? ender.ok?.moved && ender.ok.from === released.port
      : ender.ok?.some?.(([port]: [number]) => port === released.port)
  const ended = isTold ? ender.end : ender.ok ? ender.end + MAX_IN_FLIGHT_US : FOREVER
  return ended >= call.at
}

/** Checks a refused call that takes ports. */
export function checkRefused(
  call: Call,
  own: readonly Event[],
  told: Map<number, Told>,
  report: Report,
) {
  for (const event of own) {
    // A lost attempt may have taken a number that was released since.
    if (!call.lost || !told.get(event.allocation)?.released) report(WITHOUT_CHANGE, { call, event })
  }
}

export function isRefused({ error }: Call) {
  return NOTHING_CHANGED.has(error ?? '')
}

export function holdingOf(held: Named & { port: number }) {
  return `${nameOf(held)}/${held.port}`
}
