import { describe, expect, it } from 'vitest'
import { EXHAUSTED, History, UNKNOWN } from './History.js'

const RESERVED_ALLOCATED = 'reserved number allocated'
const FALSE_RESERVED = 'false PORT_RESERVED'
const FULL = 'false RANGE_EXHAUSTED'
const LOST = 'acknowledged and lost'
const WITHOUT_EVENT = 'acknowledged change without its event'
const WITHOUT_CHANGE = 'event without a change'

const reservedAnswer = { error: 'PORT_RESERVED' }
const LOW: [number, number] = [0, 3]
const reserved = () => new History().reserve([1, 2], LOW)

describe('a reserved number', () => {
  it('is reported if it is allocated, and the number beside it is not', () => {
    expect(reserved().allocate(3, 4, 3).holds(3).violations()).toEqual([RESERVED_ALLOCATED])
    expect(reserved().get(3, 4, 3).holds(3).violations()).toEqual([RESERVED_ALLOCATED])
    expect(reserved().get(3, 4, 4).holds(4).violations()).toEqual([])
  })

  it('is reported if a batch gets it', () => {
    const batch = reserved().batch([3, 4], { web: {} }, [['web', 2]])
    expect(batch.holds(2, { service: 'web' }).violations()).toEqual([RESERVED_ALLOCATED])
  })

  it('may be allocated by a call that began before the reservation was acknowledged', () => {
    expect(reserved().allocate(1.5, 4, 3).holds(3).violations()).toEqual([])
  })

  it('may be allocated by a call that ended after its removal had begun', () => {
    const removed = reserved().allocate(3, 6, 3).unreserve([5, 7], LOW)
    expect(removed.holds(3).violations()).toEqual([])
    const later = reserved().allocate(3, 4, 3).unreserve([5, 7], LOW)
    expect(later.holds(3).violations()).toEqual([RESERVED_ALLOCATED])
  })

  it('may be allocated if a removal without a reply may have taken effect', () => {
    const unknown = reserved().unreserve([3, 4], LOW, UNKNOWN).reserve([5, 6], LOW)
    expect(unknown.allocate(7, 8, 3).holds(3).violations()).toEqual([])
    const refused = reserved().unreserve([3, 4], LOW, { error: 'BUSY' })
    expect(refused.allocate(7, 8, 3).holds(3).violations()).toEqual([RESERVED_ALLOCATED])
  })

  it('may be allocated after a reservation without a reply', () => {
    const unknown = new History().reserve([1, 2], LOW, UNKNOWN).allocate(3, 4, 3)
    expect(unknown.holds(3).violations()).toEqual([])
  })

  it('is reported if it is allocated after the reply to a later reservation', () => {
    const unknown = new History().reserve([1, 2], LOW, UNKNOWN).reserve([3, 4], LOW)
    expect(unknown.allocate(5, 6, 3).holds(3).violations()).toEqual([RESERVED_ALLOCATED])
  })

  it('may be allocated on another host and for another protocol', () => {
    const elsewhere = new History().reserve([1, 2], LOW, { ok: true }, { boundTo: 'beta' })
    expect(elsewhere.allocate(3, 4, 3).holds(3).violations()).toEqual([])
    const udp = new History().reserve([1, 2], LOW, { ok: true }, { proto: 'udp' })
    expect(udp.allocate(3, 4, 3).holds(3).violations()).toEqual([])
    const tcp = new History().reserve([1, 2], LOW, { ok: true }, { proto: 'tcp' })
    expect(tcp.allocate(3, 4, 3).holds(3).violations()).toEqual([RESERVED_ALLOCATED])
  })

  it('is returned to a service that already held it', () => {
    const held = new History().get(0, 0.5, 3).reserve([1, 2], LOW).get(3, 4, 3)
    expect(held.holds(3).violations()).toEqual([])
  })

  it('is claimed only by a call that asks for reserved numbers', () => {
    expect(reserved().claim(3, 4, 3).holds(3).violations()).toEqual([RESERVED_ALLOCATED])
    const used = reserved().claim(3, 4, 3, 3, { useReservation: true })
    expect(used.holds(3).violations()).toEqual([])
  })

  it('is the target only of a move that asks for reserved numbers', () => {
    const held = () => new History().get(0, 0.5, 4).reserve([1, 2], LOW)
    expect(held().move([3, 4], [4, 3]).holds(3).violations()).toEqual([RESERVED_ALLOCATED])
    const used = held().move([3, 4], [4, 3], undefined, { useReservation: true })
    expect(used.holds(3).violations()).toEqual([])
  })

  it('is reported if its event shows that it was allocated, even if others got it as well', () => {
    const both = () =>
      reserved().get(3, 4, 3).get(3.5, 4.5, 3).reserved(LOW).reservationEvent('reserved', LOW)
    expect(both().holds(3).violations()).toEqual([])
    const history = both().event('allocated', 3, 1).holds(3, { allocation: 1 })
    expect(history.violationsWithEvents()).toEqual([RESERVED_ALLOCATED])
  })
})

describe('PORT_RESERVED', () => {
  it('is wrong if nothing is reserved, and for a call that asks for reserved numbers', () => {
    expect(new History().claim(3, 4, 3, reservedAnswer).violations()).toEqual([FALSE_RESERVED])
    expect(reserved().claim(3, 4, 3, reservedAnswer).violations()).toEqual([])
    const used = reserved().claim(3, 4, 3, reservedAnswer, { useReservation: true })
    expect(used.violations()).toEqual([FALSE_RESERVED])
  })

  it('is wrong after the reservation was removed, and may be correct during the removal', () => {
    const removed = reserved().unreserve([3, 4], LOW).claim(5, 6, 3, reservedAnswer)
    expect(removed.violations()).toEqual([FALSE_RESERVED])
    const meanwhile = reserved().unreserve([3, 6], LOW).claim(5, 7, 3, reservedAnswer)
    expect(meanwhile.violations()).toEqual([])
  })
})

describe('RANGE_EXHAUSTED', () => {
  const rest: [number, number] = [0, 11]

  it('is correct while all numbers are reserved, and wrong afterwards', () => {
    const all = () => new History().reserve([1, 2], rest)
    expect(all().get(3, 4, EXHAUSTED).violations()).toEqual([])
    const removed = all().unreserve([5, 6], rest).get(7, 8, EXHAUSTED)
    expect(removed.violations()).toEqual([FULL])
  })

  it('is a correct reply to a batch while all numbers are reserved', () => {
    const batch = new History().reserve([1, 2], rest).batch([3, 4], { web: {} }, EXHAUSTED)
    expect(batch.violations()).toEqual([])
  })
})

describe('a reservation', () => {
  it('is reported if its removal does not find it', () => {
    expect(reserved().unreserve([3, 4], LOW, { ok: 0 }).violations()).toEqual([LOST])
    expect(new History().unreserve([3, 4], LOW, { ok: 0 }).violations()).toEqual([])
  })

  it('has one event for each change', () => {
    const history = () => reserved().reserved(LOW)
    expect(history().reservationEvent('reserved', LOW).violationsWithEvents()).toEqual([])
    expect(history().violationsWithEvents()).toEqual([WITHOUT_EVENT])
    const twice = history().reservationEvent('reserved', LOW).reservationEvent('reserved', LOW)
    expect(twice.violationsWithEvents()).toEqual([WITHOUT_CHANGE])
  })

  it('is reported if it exists by the events but not in the table', () => {
    const gone = reserved().reservationEvent('reserved', LOW)
    expect(gone.violationsWithEvents()).toEqual([WITHOUT_EVENT])
    const removed = reserved().unreserve([3, 4], LOW).reservationEvent('reserved', LOW)
    removed.reservationEvent('unreserved', LOW, 'reserver#1')
    expect(removed.violationsWithEvents()).toEqual([])
  })
})
