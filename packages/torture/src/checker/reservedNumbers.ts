// Checks that calls take reserved numbers only if they say so, and that PORT_RESERVED is returned
// only if the number may be reserved.

import { WITHOUT_CHANGE, WITHOUT_EVENT } from './allocations.js'
import type { Report } from './check.js'
import { type Named, nameOf } from './claims.js'
import { groupBy } from './groups.js'
import { type Call, isUnknown, type Told, takes, toldBy } from './histories.js'
import type { Ledger } from './Ledger.js'
import { nameOfReservation } from './Reservations.js'

export type Numbers = {
  startPort: number
  endPort: number
  boundTo: string | null
  proto: string | null
}

export type ReservationEvent = Numbers & { id: number; actor: string; what: string }

export const RESERVED_ALLOCATED = 'reserved number allocated'

export function checkReserved(ledger: Ledger, report: Report) {
  for (const { denied } of ledger.reservations.all) {
    for (const call of denied) report('acknowledged and lost', call)
  }
  const outcomes = groupBy(ledger.unknownOutcomes, ({ service }) => service.name)
  for (const call of ledger.calls) {
    if (call.error === 'PORT_RESERVED' && !mayBeReserved(ledger, call)) {
      report('false PORT_RESERVED', call)
    }
    if (!takes(call)) continue
    for (const told of toldBy(call)) {
      if (!isReserved(ledger, call, told)) continue
      const name = nameOf({ ...(call as Named), ...told })
      const open = outcomes.get(name) ?? []
      const isUnclear = open.some(({ from, until }) => from < call.end && until > call.at)
      if (!isUnclear && !mayHaveHeld(ledger, name, call, told))
        report(RESERVED_ALLOCATED, { call, told })
    }
  }
}

/** Whether a reservation of the number applied to the call. */
export function isReserved(
  { reservations }: Ledger,
  call: Call,
  { proto, port }: { proto: string; port: number },
) {
  if (call.useReservation || isUnknown(call)) return false
  const place = { ...(call.host !== undefined && { host: call.host }), proto, port }
  return reservations.isThroughout(place, { from: call.at, until: call.end })
}

function mayBeReserved(
  { reservations }: Ledger,
  { host = '', proto = '', wanted = 0, ...call }: Call,
) {
  return (
    !call.useReservation &&
    reservations
      .possible({ host, proto, port: wanted })
      .some(({ from, until }) => from <= call.end && until >= call.at)
  )
}

/**
 * Whether the call may have returned a port that the service held already.
 * @param name of the service
 */
function mayHaveHeld({ services }: Ledger, name: string, call: Call, { port }: Told) {
  const isNew = (call.op === 'allocate' && call.key === undefined) || call.ok.moved === true
  if (isNew) return false
  const claims = services.get(name)?.claimsByPort.get(port) ?? []
  return claims.some(
    (other) =>
      other.call !== call && other.possiblyFrom < call.end && other.possiblyUntil > call.at,
  )
}

/** Each change of a reservation has its event, and the events leave the existing reservations. */
export function checkReservationEvents(
  ledger: Ledger,
  {
    reservations,
    reservationEvents,
  }: { reservations: readonly Numbers[]; reservationEvents: readonly ReservationEvent[] },
  report: Report,
) {
  const events = [...reservationEvents].sort((one, other) => one.id - other.id)
  const reserved = new Set<string>()
  for (const event of events) {
    const name = nameOfReservation(event)
    const call = ledger.callNamed(event.actor)
    const isOf = call && nameOfReservation(call) === name && event.what === `${call.op}d`
    if (!isOf) report(WITHOUT_CHANGE, { event, call: call ?? 'none' })
    if (event.what === 'reserved') reserved.add(name)
    else if (!reserved.delete(name)) report(WITHOUT_EVENT, { event, 'not reserved': true })
  }
  const there = new Set(reservations.map(nameOfReservation))
  for (const name of there) if (!reserved.has(name)) report(WITHOUT_EVENT, { there: name })
  for (const name of reserved) if (!there.has(name)) report(WITHOUT_EVENT, { 'not there': name })

  const byActor = groupBy(events, ({ actor }) => actor)
  for (const call of ledger.calls) {
    if (call.op !== 'reserve' && call.op !== 'unreserve') continue
    const own = byActor.get(`${call.by}#${call.id}`) ?? []
    if (isUnknown(call)) continue
    // Each reservation has a unique reason, so that each call changes something.
    const expected = call.ok === undefined ? 0 : Number(call.ok)
    if (own.length < expected) report(WITHOUT_EVENT, { call })
    if (own.length > expected) report(WITHOUT_CHANGE, { call, events: own })
  }
}
