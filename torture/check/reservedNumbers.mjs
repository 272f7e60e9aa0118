// No call takes a number that is reserved from before it was asked to after it was answered, unless
// it says so; and PORT_RESERVED is true only of a number that may be reserved.
import { WITHOUT_CHANGE, WITHOUT_EVENT } from './allocations.mjs'
import { nameOf } from './claims.mjs'
import { groupBy } from './groups.mjs'
import { isUnknown, takes, toldBy } from './histories.mjs'
import { nameOfReservation } from './Reservations.mjs'

/**
 * @typedef {import('./check.mjs').Report} Report
 * @typedef {import('./histories.mjs').Call} Call
 * @typedef {import('./histories.mjs').Told} Told
 * @typedef {import('./Ledger.mjs').Ledger} Ledger
 *
 * @typedef {{ startPort: number, endPort: number, boundTo: string | null, proto: string | null }} Numbers
 * @typedef {Numbers & { id: number, actor: string, what: string }} ReservationEvent
 */

export const IN_SPITE = 'allocated in spite of a reservation'

/**
 * @param {Ledger} ledger
 * @param {Report} report
 */
export function checkReserved(ledger, report) {
  for (const { denied } of ledger.reservations.all) {
    for (const call of denied) report('acknowledged and lost', call)
  }
  const doubts = groupBy(ledger.doubts, ({ service }) => service.name)
  for (const call of ledger.calls) {
    if (call.error === 'PORT_RESERVED' && !mayBeReserved(ledger, call)) {
      report('false PORT_RESERVED', call)
    }
    if (!takes(call)) continue
    for (const told of toldBy(call)) {
      if (!isReserved(ledger, call, told)) continue
      const name = nameOf({ .../** @type {any} */ (call), ...told })
      const open = doubts.get(name) ?? []
      const isInDoubt = open.some(({ from, until }) => from < call.end && until > call.at)
      if (!isInDoubt && !mayHaveHeld(ledger, name, call, told)) report(IN_SPITE, { call, told })
    }
  }
}

/**
 * Whether the call had to heed a reservation of the number.
 * @param {Ledger} ledger
 * @param {Call} call
 * @param {{ proto: string, port: number }} number
 */
export function isReserved({ reservations }, call, { proto, port }) {
  if (call.useReservation || isUnknown(call)) return false
  const place = { ...(call.host !== undefined && { host: call.host }), proto, port }
  return reservations.isThroughout(place, { from: call.at, until: call.end })
}

/** @param {Ledger} ledger @param {Call} call */
function mayBeReserved({ reservations }, { host = '', proto = '', wanted = 0, ...call }) {
  return (
    !call.useReservation &&
    reservations
      .possible({ host, proto, port: wanted })
      .some(({ from, until }) => from <= call.end && until >= call.at)
  )
}

/**
 * Whether the call may have been told what the service held already.
 * @param {Ledger} ledger
 * @param {string} name of the service
 * @param {Call} call
 * @param {Told} told
 */
function mayHaveHeld({ services }, name, call, { port }) {
  const isNew = (call.op === 'allocate' && call.key === undefined) || call.ok.moved === true
  if (isNew) return false
  const claims = services.get(name)?.claimsByPort.get(port) ?? []
  return claims.some(
    (other) =>
      other.call !== call && other.possiblyFrom < call.end && other.possiblyUntil > call.at,
  )
}

/**
 * Each change of a reservation has its event, and the events leave reserved what is.
 * @param {Ledger} ledger
 * @param {{ reservations: readonly Numbers[], reservationEvents: readonly ReservationEvent[] }} records
 * @param {Report} report
 */
export function checkReservationEvents(ledger, { reservations, reservationEvents }, report) {
  const events = [...reservationEvents].sort((one, other) => one.id - other.id)
  const reserved = new Set()
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
    // Each has a reason of its own, so that it changes something.
    const expected = call.ok === undefined ? 0 : Number(call.ok)
    if (own.length < expected) report(WITHOUT_EVENT, { call })
    if (own.length > expected) report(WITHOUT_CHANGE, { call, events: own })
  }
}
