// Checks the events of the registry: there is one for each allocation that an acknowledged call
// changed, and none for a refused call. The name of a call is its actor, so that each event names
// its call.
//
// A call with an unknown outcome may have events or none. A repeated call may have events of
// earlier attempts as well. If these allocated several ports, all but one must have been released
// since.

import {
  checkRefused,
  ENDS,
  holdingOf,
  isRefused,
  mayBeToldTo,
  WITHOUT_CHANGE,
  WITHOUT_EVENT,
} from './allocations.js'
import { checkBatchEvents } from './batchEvents.js'
import type { Report } from './check.js'
import { type Named, nameOf, placeOf } from './claims.js'
import { groupBy } from './groups.js'
import { type Call, FOREVER, itemsOf, TAKES_MANY, TAKES_ONE, takes, toldBy } from './histories.js'
import type { Ledger } from './Ledger.js'
import { checkLeaseEvents } from './leaseEvents.js'
import { checkMoveEvents } from './moves.js'
import {
  checkReservationEvents,
  isReserved,
  type Numbers,
  RESERVED_ALLOCATED,
  type ReservationEvent,
} from './reservedNumbers.js'

/** An event of an allocation. */
export type Event = Named & Changed

export interface Changed {
  readonly id: number
  readonly transaction: string
  /** Null if the lease ended. */
  readonly actor: string | null
  /** `allocated`, `claimed`, `released`, `lease-ended` or `updated`. */
  readonly what: string
  /** Milliseconds since 1970 of the server's clock. */
  readonly dated: number
  readonly port: number
  readonly allocation: number
}

/**
 * The held rows and all events, read while no call was running. Rows with an ended lease are held
 * until a call releases them.
 */
export interface Records {
  readonly rows: readonly HeldRow[]
  readonly events: readonly Event[]
  readonly reservations: readonly Numbers[]
  readonly reservationEvents: readonly ReservationEvent[]
}

export type HeldRow = Named & { port: number; allocation: number }

/** The events of one allocation. */
export type Told = { allocated?: Event; released?: Event }

/** The events of each allocation: by its id, by service and number, and by service. */
export interface All {
  readonly told: Map<number, Told>
  readonly holdings: Map<string, Told[]>
  readonly ofService: Map<string, Told[]>
}

const OF_CALL: Record<string, string[]> = {
  allocated: ['get', 'lease', 'allocate', 'claim', 'ensureMany', 'allocateMany', 'move'],
  claimed: ['claim'],
  released: ['release', 'move'],
  updated: ['update'],
}

export function checkEvents(ledger: Ledger, records: Records, report: Report) {
  const events = [...records.events].sort((one, other) => one.id - other.id)
  const told = allocationsIn(events, report)
  checkPlaces(events, told, report)
  checkHeld(records.rows, told, report)
  checkLeaseEvents(ledger, told, report)
  const byCall = eventsByCall(ledger, events, report)
  checkReservationEvents(ledger, records, report)
  const begun = [...told.values()].filter(({ allocated }) => allocated)
  const all = {
    told,
    holdings: groupBy(begun, ({ allocated }) => holdingOf(allocated as Event)),
    ofService: groupBy(begun, ({ allocated }) => nameOf(allocated as Event)),
  }
  for (const call of ledger.calls) {
    const own = byCall.get(call) ?? []
    for (const event of own) {
      if (event.what === 'allocated' && isReserved(ledger, call, event)) {
        report(RESERVED_ALLOCATED, { call, event })
      }
    }
    if (TAKES_ONE.has(call.op)) checkAllocated(ledger, call, own, all, report)
    else if (TAKES_MANY.has(call.op)) checkBatchEvents(ledger, call, own, all, report)
    else if (call.op === 'move') checkMoveEvents(call, own, told, report)
    else if (call.op === 'release') checkReleased(call, own, report)
    else if (call.op === 'update') checkUpdated(call, own, report)
  }
}

/**
 * Each allocation begins once and ends at most once.
 * @param events in their order
 */
function allocationsIn(events: readonly Event[], report: Report) {
  const told = new Map<number, Told>()
  for (const event of events) {
    const known = told.get(event.allocation)
    if (event.what === 'allocated') {
      if (known) report(WITHOUT_CHANGE, { event, before: known })
      else told.set(event.allocation, { allocated: event })
      continue
    }
    const isOfIt = known?.allocated && holdingOf(known.allocated) === holdingOf(event)
    if (!known || !isOfIt) report(WITHOUT_EVENT, { event, 'not allocated by any': known ?? null })
    if (known?.released) report(WITHOUT_CHANGE, { event, before: known.released })
    else if (known && ENDS.has(event.what)) known.released = event
  }
  return told
}

/**
 * A number is released before it is allocated again, and its next holding has a higher id.
 * @param events in their order
 */
function checkPlaces(events: readonly Event[], told: Map<number, Told>, report: Report) {
  const last = new Map<string, Event>()
  for (const event of events) {
    if (event.what !== 'allocated') continue
    const place = placeOf(event)
    const before = last.get(place)
    last.set(place, event)
    if (!before) continue
    const ended = told.get(before.allocation)?.released
    if (!ended || ended.id > event.id) {
      report(WITHOUT_EVENT, { place, 'not released between': [before, event] })
    }
    if (before.allocation >= event.allocation) report(WITHOUT_CHANGE, { before, event })
  }
}

/** The allocations that the events leave held equal those in the table. */
function checkHeld(rows: readonly HeldRow[], told: Map<number, Told>, report: Report) {
  const live = new Set(rows.map(({ allocation }) => allocation))
  for (const row of rows) {
    const { allocated, released } = told.get(row.allocation) ?? {}
    if (!allocated || holdingOf(allocated) !== holdingOf(row)) report(WITHOUT_EVENT, { row })
    if (released) report(WITHOUT_CHANGE, { released, row })
  }
  for (const { allocated, released } of told.values()) {
    if (allocated && !released && !live.has(allocated.allocation)) {
      report(WITHOUT_EVENT, { allocated, 'neither released nor in the table': true })
    }
  }
}

function eventsByCall(ledger: Ledger, events: readonly Event[], report: Report) {
  const byCall = new Map<Call, Event[]>()
  for (const event of events) {
    if (event.what === 'lease-ended' && event.actor === null) continue
    const call = ledger.callNamed(event.actor)
    if (!call || !mayBeOf(call, event)) {
      report(WITHOUT_CHANGE, { event, call: call ?? 'none' })
      continue
    }
    const own = byCall.get(call)
    if (own) own.push(event)
    else byCall.set(call, [event])
  }
  return byCall
}

function mayBeOf(call: Call, event: Event) {
  return (
    OF_CALL[event.what]?.includes(call.op) &&
    namesOf(call, event).includes(nameOf(event)) &&
    isNumberOf(call, event)
  )
}

/** Whether the call may have written the event for that number. */
function isNumberOf({ op, port, wanted, from }: Call, event: Event) {
  if (op === 'release') return (port ?? event.port) === event.port
  if (op !== 'move') return true
  return event.what === 'allocated' ? event.port === wanted : (from ?? event.port) === event.port
}

/** The services of the call, each in its scope. */
function namesOf(call: Call, event: Event) {
  const named = call as Named
  if (!takes(call)) return [nameOf({ ...named, proto: call.proto ?? event.proto })]
  return itemsOf(call).flatMap(({ service, protocols }) =>
    protocols.map((proto) => nameOf({ ...named, service, proto })),
  )
}

/** @param call takes a port */
function checkAllocated(
  ledger: Ledger,
  call: Call,
  own: readonly Event[],
  { told: all, holdings }: All,
  report: Report,
) {
  if (isRefused(call)) return checkRefused(call, own, all, report)
  if (call.op === 'allocate' && call.key === undefined && own.length > 1) {
    report(WITHOUT_CHANGE, { call, events: own })
  }
  const open = own.filter(({ allocation }) => !all.get(allocation)?.released)
  if (open.length > 1) report(WITHOUT_CHANGE, { call, events: open })
  if (call.ok === undefined) return

  const told = toldBy(call)[0]?.port
  const other = own.find(({ port }) => port !== told)
  if (other && !call.lost) report(WITHOUT_CHANGE, { call, event: other })
  if (own.some(({ port }) => port === told)) return
  const name = holdingOf({ ...(call as Named), port: told ?? 0 })
  const mayBeOlder = call.op !== 'allocate' || call.key !== undefined
  const isKnown = holdings.get(name)?.some((holding) => mayBeToldTo(ledger, holding, call))
  if (!mayBeOlder || !isKnown) report(WITHOUT_EVENT, { call })
}

function checkReleased(call: Call, own: readonly Event[], report: Report) {
  // A repeated release by id does not find what the first attempt released.
  const isRepeated = call.error === 'LEASE_LOST' && call.lost
  if (isRefused(call) && own.length > 0 && !isRepeated) {
    report(WITHOUT_CHANGE, { call, events: own })
  }
  if (!Array.isArray(call.ok)) return
  const transactions = new Set(own.map((event) => event.transaction))
  const attempts = call.lost ? FOREVER : Math.sign(call.ok.length)
  if (transactions.size > attempts) report(WITHOUT_CHANGE, { call, events: own })
  const told = call.ok.map(([port, proto]) => `${proto}/${port}`)
  const transaction = own.findLast((event) =>
    told.includes(`${event.proto}/${event.port}`),
  )?.transaction
  const ofAnswer = own
    .filter((event) => event.transaction === transaction)
    .map(({ proto, port }) => `${proto}/${port}`)
  for (const number of told) {
    if (!ofAnswer.includes(number)) report(WITHOUT_EVENT, { call, number })
  }
  for (const number of ofAnswer) {
    if (!told.includes(number)) report(WITHOUT_CHANGE, { call, number })
  }
}

function checkUpdated(call: Call, own: readonly Event[], report: Report) {
  if (isRefused(call) && own.length > 0) report(WITHOUT_CHANGE, { call, events: own })
  // A repeated attempt does not change what an earlier one changed.
  if (new Set(own.map(({ allocation }) => allocation)).size < own.length) {
    report(WITHOUT_CHANGE, { call, events: own })
  }
  if (call.ok === true && own.length === 0) report(WITHOUT_EVENT, { call })
}
