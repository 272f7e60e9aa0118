import { describe, expect, it } from 'vitest'
import { WITHOUT_CHANGE, WITHOUT_EVENT } from '../src/checker/allocations.js'
import { NOT_A_SNAPSHOT } from '../src/checker/dumps.js'
import { RENEWED_AFTER_END } from '../src/checker/leaseAnswers.js'
import { WRONG_LEASE_END } from '../src/checker/leaseEvents.js'
import { EXHAUSTED, History, LEASE_LOST, UNKNOWN } from './History.js'

const TWO = 'held by two at once'
const LOST = 'acknowledged and lost'
const UNACKNOWLEDGED = 'held without acknowledgement'
const FALSE_LOST = 'false LEASE_LOST'
const FULL = 'false RANGE_EXHAUSTED'
const TAKEN = { error: 'PORT_TAKEN' }
const web = { service: 'web' }

/** The lease ends between 2 and 2.1. */
const leased = () => new History().lease([1, 1.1], [0, 7])

describe('a port with a lease', () => {
  it('is not given to other services before its end', () => {
    expect(leased().get(1.2, 1.9, 0, web).violations()).toContain(TWO)
    expect(leased().get(1.2, 2.05, 0, web).holds(0, web).violations()).toEqual([])
    expect(leased().get(2.2, 2.3, 0, web).holds(0, web).violations()).toEqual([])
  })

  it('is shown by lists until its end, and not afterwards', () => {
    expect(leased().list(1.2, 1.5, {}).violations()).toEqual([LOST])
    expect(leased().list(1.9, 2.05, {}).violations()).toEqual([])
    expect(leased().list(1.9, 2.05, { 0: 'api' }).violations()).toEqual([])
    expect(leased().list(2.2, 2.3, { 0: 'api' }).violations()).toEqual([UNACKNOWLEDGED])
  })

  it('is in the table at the end only if it was renewed', () => {
    expect(leased().holds(0).tableAt(2.5).violations()).toEqual([UNACKNOWLEDGED])
    const renewed = leased().renew([1.8, 1.9], [0, 7])
    expect(renewed.holds(0).tableAt(2.5).violations()).toEqual([])
    expect(leased().renew([1.8, 1.9], [0, 7]).tableAt(2.5).violations()).toEqual([LOST])
  })

  it('may be missing in a list while it is renewed at its end', () => {
    const renewed = () => leased().renew([1.9, 2.3], [0, 7])
    expect(renewed().list(2.1, 2.2, {}).violations()).toEqual([])
    expect(renewed().list(1.95, 1.98, {}).violations()).toEqual([LOST])
    expect(renewed().list(2.35, 2.4, {}).violations()).toEqual([LOST])
    expect(renewed().dump([2.1, 2.2], {}).violations()).toEqual([])
    expect(renewed().dump([2.35, 2.4], {}).violations()).toContain(LOST)
    const early = leased().renew([1.2, 1.7], [0, 7]).list(1.3, 1.6, {})
    expect(early.violations()).toEqual([LOST])
    expect(renewed().get(2.1, 2.2, 0, web).violations()).toContain(TWO)
  })

  it('that a get gives ends as well, and a get without a lease may keep it', () => {
    const gotten = () => new History().get(1, 1.1, 0, { ttl: 1 })
    expect(gotten().list(1.2, 1.5, {}).violations()).toEqual([LOST])
    expect(gotten().holds(0).tableAt(2.5).violations()).toEqual([UNACKNOWLEDGED])
    const durable = () => gotten().get(2, 2.2, 0)
    expect(durable().holds(0).violations()).toEqual([])
    expect(durable().violations()).toEqual([])
  })

  it('may be held while it is unknown whether it was renewed', () => {
    const cut = () => leased().cutOff('renew', 1.5, { port: 20_000, holding: '7', ttl: 9 })
    expect(cut().holds(0).tableAt(5).violations()).toEqual([])
    expect(cut().tableAt(5).violations()).toEqual([])
    const unknown = leased().renew([1.5, 1.6], [0, 7], UNKNOWN)
    expect(unknown.list(5, 6, { 0: 'api' }).violations()).toEqual([])
  })

  it('may end earlier if it was renewed for a shorter time', () => {
    const shortened = (answer?: typeof UNKNOWN) =>
      new History()
        .lease([1, 1.1], [0, 7], { ttl: 3 })
        .renew([1.2, 1.3], [0, 7], answer)
        .list(3, 3.1, {})
    expect(shortened().violations()).toEqual([])
    expect(shortened(UNKNOWN).violations()).toEqual([])
    const early = new History().lease([1, 1.1], [0, 7], { ttl: 3 }).list(3, 3.1, {})
    expect(early.violations()).toEqual([LOST])
  })

  it('may be released before its end', () => {
    const released = leased().release(1.2, 1.3, { ok: [[20_000, 'tcp']] }, { holding: '7' })
    expect(released.get(1.4, 1.5, 0, web).holds(0, web).violations()).toEqual([])
  })

  it('fills its range until its end and not afterwards', () => {
    const full = () => {
      const history = new History().lease([1, 1.1], [0, 7])
      for (let port = 1; port < 12; port++) history.claim(0, 0.5, port, port, web).holds(port, web)
      return history
    }
    const other = { service: 'other' }
    expect(full().get(1.9, 2.05, EXHAUSTED, other).violations()).toEqual([])
    expect(full().get(2.2, 2.3, EXHAUSTED, other).violations()).toEqual([FULL])
  })

  it('is taken until its end and not afterwards', () => {
    expect(leased().claim(1.9, 2.05, 0, TAKEN, web).violations()).toEqual([])
    expect(leased().claim(2.2, 2.3, 0, TAKEN, web).violations()).toEqual(['false PORT_TAKEN'])
  })
})

describe('a renewal', () => {
  it('of a lease that has ended is reported', () => {
    expect(leased().renew([2.2, 2.3], [0, 7]).violations()).toEqual([RENEWED_AFTER_END])
    expect(leased().renew([2.05, 2.3], [0, 7]).violations()).toEqual([])
  })

  it('is compared with the renewal before', () => {
    const twice = () => leased().renew([1.8, 1.9], [0, 7])
    expect(twice().renew([2.7, 2.8], [0, 7]).violations()).toEqual([])
    expect(twice().renew([2.95, 3], [0, 7]).violations()).toEqual([RENEWED_AFTER_END])
  })

  it('by another call that returned the same holding is reported as well', () => {
    expect(leased().lease([2.2, 2.3], [0, 7]).violations()).toEqual([RENEWED_AFTER_END])
    expect(leased().lease([2.2, 2.3], [0, 8]).violations()).toEqual([])
  })

  it('of a port that another service got in between is reported', () => {
    const between = leased().get(2.02, 2.04, 0, web).renew([2.05, 2.06], [0, 7])
    expect(between.violations()).toContain(TWO)
  })

  it('lets the port be held until the new end', () => {
    const renewed = () => leased().renew([1.8, 2], [0, 7])
    expect(renewed().list(2.2, 2.7, {}).violations()).toEqual([LOST])
    expect(renewed().get(2.2, 2.7, 0, web).violations()).toContain(TWO)
    expect(renewed().list(2.7, 2.9, {}).violations()).toEqual([])
  })
})

describe('a port with a lease that was moved', () => {
  /** Moves from port 0, whose lease ends between 2 and 2.1, to port 5. */
  const moved = (endsAt: number | null = 2.05, at: [number, number] = [1.5, 1.6]) =>
    new History().lease([1, 1.1], [0, 7, 2.05]).move(at, [0, 5], movedTo(5, 8, endsAt))
  const movedTo = (port: number, id: number, endsAt: number | null) => ({
    ok: {
      from: 20_000,
      moved: true,
      port: 20_000 + port,
      allocation: String(id),
      ...(endsAt !== null && { endsAt: endsAt * 1e3 }),
    },
  })

  it('keeps its end', () => {
    expect(moved().violations()).toEqual([])
    expect(moved(2.55).violations()).toEqual([WRONG_LEASE_END])
    expect(moved(null).violations()).toEqual([WRONG_LEASE_END])
    const durable = new History().get(1, 1.1, 0).move([1.5, 1.6], [0, 5], movedTo(5, 8, 2.05))
    expect(durable.holds(5).violations()).toEqual([WRONG_LEASE_END])
  })

  it('keeps the end that it was renewed to', () => {
    const renewed = (endsAt: number) =>
      new History()
        .lease([1, 1.1], [0, 7, 2.05])
        .renew([1.2, 1.3], [0, 7, 2.25])
        .move([1.5, 1.6], [0, 5], movedTo(5, 8, endsAt))
    expect(renewed(2.25).violations()).toEqual([])
    expect(renewed(2.05).violations()).toEqual([WRONG_LEASE_END])
    const beside = moved(2.55).renew([1.4, 1.55], [0, 7, 2.55])
    expect(beside.violations()).toEqual([])
    const unknown = moved(2.55).renew([1.2, 1.3], [0, 7], UNKNOWN)
    expect(unknown.violations()).toEqual([])
  })

  it('is held until its end, and not afterwards', () => {
    expect(moved().list(1.7, 1.9, {}).violations()).toEqual([LOST])
    expect(moved().list(1.9, 2.05, {}).violations()).toEqual([])
    expect(moved().list(2.2, 2.3, { 5: 'api' }).violations()).toEqual([UNACKNOWLEDGED])
    expect(moved().get(1.7, 1.9, 5, web).violations()).toContain(TWO)
    expect(moved().get(2.2, 2.3, 5, web).holds(5, web).violations()).toEqual([])
    expect(moved().holds(5).tableAt(2.5).violations()).toEqual([UNACKNOWLEDGED])
  })

  it('is renewed from its end on, and not after it', () => {
    const renewed = (from: number) => moved().renew([from, from + 0.1], [5, 8, from + 1.05])
    expect(renewed(1.9).violations()).toEqual([])
    expect(renewed(1.9).list(2.2, 2.7, {}).violations()).toEqual([LOST])
    expect(renewed(2.2).violations()).toEqual([RENEWED_AFTER_END])
    expect(moved().renew([1.7, 1.8], [5, 8], LEASE_LOST).violations()).toEqual([FALSE_LOST])
    expect(moved().renew([1.9, 2.05], [5, 8], LEASE_LOST).violations()).toEqual([])
  })

  it('had not ended before', () => {
    expect(moved(2.05, [2.05, 2.2]).violations()).toEqual([])
    expect(moved(2.05, [2.15, 2.2]).violations()).toEqual([RENEWED_AFTER_END])
    expect(moved(2.05, [2.15, 2.2]).jump(1.5, 1.6).violations()).toEqual([])
  })

  it('keeps its end when it is moved again', () => {
    const back = (endsAt: number) =>
      moved().move([1.7, 1.8], [5, 3], {
        ok: { ...movedTo(3, 9, endsAt).ok, from: 20_005 },
      })
    expect(back(2.05).violations()).toEqual([])
    expect(back(2.15).violations()).toEqual([WRONG_LEASE_END])
    expect(back(2.05).list(2.2, 2.3, { 3: 'api' }).violations()).toEqual([UNACKNOWLEDGED])
    expect(back(2.05).list(1.85, 1.95, {}).violations()).toEqual([LOST])
  })

  it('is uncertain if the service got a port without a lease at the same time', () => {
    const beside = () => moved(null).get(1.2, 1.55, 0, {}, 'w1')
    expect(beside().holds(5).tableAt(2.5).violations()).toEqual([])
  })

  it('has an event of its end, with the time of the reply', () => {
    const ended = (dated: number) => {
      const by = { actor: 'w0#1', transaction: '2' }
      return moved()
        .event('allocated', 0, 7, { transaction: '1' })
        .event('released', 0, 7, by)
        .event('allocated', 5, 8, by)
        .event('lease-ended', 5, 8, { actor: null, dated })
    }
    expect(ended(2.05).violationsWithEvents()).toEqual([])
    expect(ended(2.35).violationsWithEvents()).toEqual([WRONG_LEASE_END])
  })

  it('may be missing in a dump without an event', () => {
    const dumped = (history: History) =>
      history.dump([2.2, 2.3], {}, { byEvents: [5], makers: { 5: 'w0#1' } })
    expect(dumped(moved()).violations()).toEqual([])
    const durable = new History().get(1, 1.1, 0).move([1.5, 1.6], [0, 5]).release(1.7, 1.8)
    expect(dumped(durable).violations()).toEqual([NOT_A_SNAPSHOT])
  })
})

describe('LEASE_LOST', () => {
  it('is wrong while the lease certainly lasts, by id and by number', () => {
    expect(leased().renew([1.2, 1.9], [0, 7], LEASE_LOST).violations()).toEqual([FALSE_LOST])
    const gotten = () => new History().get(1, 1.1, 0, { ttl: 1 })
    const byNumber = gotten().renew([1.2, 1.9], [0, 7], LEASE_LOST, { holding: undefined })
    expect(byNumber.violations()).toEqual([FALSE_LOST])
    expect(gotten().renew([1.2, 1.9], [0, 7], LEASE_LOST).violations()).toEqual([])
    const released = leased().release(1.2, 1.9, LEASE_LOST, { port: 20_000, holding: '7' })
    expect(released.violations()).toEqual([FALSE_LOST])
  })

  it('is correct after the lease may have ended or was released, or for another holding', () => {
    expect(leased().renew([1.9, 2.05], [0, 7], LEASE_LOST).violations()).toEqual([])
    const released = leased().releaseOf([0], 1.2, 1.3)
    expect(released.renew([1.4, 1.5], [0, 7], LEASE_LOST).violations()).toEqual([])
    expect(leased().renew([1.2, 1.9], [0, 6], LEASE_LOST).violations()).toEqual([])
  })

  it('is never a reply to other calls', () => {
    expect(leased().get(1.2, 1.3, LEASE_LOST).violations()).toEqual(['unexpected error or answer'])
  })
})

describe('while the clock of the server may have jumped', () => {
  it('a lease may end at once or much later', () => {
    expect(leased().jump(1.2, 1.3).list(1.4, 1.5, {}).violations()).toEqual([])
    expect(leased().jump(1.2, 1.3).list(5, 6, { 0: 'api' }).violations()).toEqual([])
    expect(leased().jump(1.2, 1.3).renew([5, 6], [0, 7]).violations()).toEqual([])
    expect(leased().jump(1.5, 1.6).list(1.2, 1.3, {}).violations()).toEqual([LOST])
  })

  it('a renewal still proves that no other service had the port before', () => {
    const history = () => leased().jump(1.2, 1.3).renew([1.8, 1.9], [0, 7])
    expect(history().get(1.4, 1.5, 0, web).violations()).toContain(TWO)
    expect(history().list(1.4, 1.5, {}).violations()).toEqual([])
    expect(history().list(2.2, 2.3, {}).violations()).toEqual([LOST])
  })

  it('an ended lease may continue, and a release may have missed it', () => {
    expect(leased().jump(3, 3.1).list(4, 4.1, { 0: 'api' }).violations()).toEqual([])
    const passed = () => leased().releaseOf([], 1.5, 1.6)
    expect(passed().list(1.7, 1.8, { 0: 'api' }).violations()).toEqual([UNACKNOWLEDGED])
    expect(passed().jump(1.4, 1.5).list(5, 6, { 0: 'api' }).violations()).toEqual([])
    const tooLate = () => leased().releaseOf([], 2.2, 2.3)
    expect(tooLate().list(4, 4.1, { 0: 'api' }).violations()).toEqual([UNACKNOWLEDGED])
    expect(tooLate().jump(3, 3.1).list(4, 4.1, { 0: 'api' }).violations()).toEqual([])
    expect(tooLate().jump(3, 3.1).dump([4, 4.1], { 0: 'api' }).violations()).toEqual([])
    expect(passed().jump(3, 3.1).list(4, 4.1, { 0: 'api' }).violations()).toEqual([UNACKNOWLEDGED])
    const named = leased().jump(1.4, 1.5).releaseOf([0], 1.5, 1.6)
    expect(named.list(1.7, 1.8, { 0: 'api' }).violations()).toEqual([UNACKNOWLEDGED])
  })
})

describe('the event of a lease that ended', () => {
  const ended = (dated: number, endsAt = 2.05) =>
    new History()
      .lease([1, 1.1], [0, 7, endsAt])
      .event('allocated', 0, 7)
      .event('lease-ended', 0, 7, { actor: null, dated })

  it('has the time of the reply', () => {
    expect(ended(2.05).violationsWithEvents()).toEqual([])
    expect(ended(1.05).violationsWithEvents()).toEqual([WRONG_LEASE_END])
    const renewed = ended(2.05).renew([1.8, 1.9], [0, 7, 2.85])
    expect(renewed.violationsWithEvents()).toEqual([WRONG_LEASE_END])
  })

  it('may be dated at the end that an attempt without a reply set later', () => {
    const repeated = new History()
      .lease([1, 1.3], [0, 7, 2.05], { lost: true })
      .event('allocated', 0, 7)
      .event('lease-ended', 0, 7, { actor: null, dated: 2.25 })
    expect(repeated.violationsWithEvents()).toEqual([])
  })

  it('is required if the row is gone, and not while it exists', () => {
    const unacknowledged = () => new History().lease([1, 1.1], [0, 7]).event('allocated', 0, 7)
    expect(unacknowledged().violationsWithEvents()).toEqual([WITHOUT_EVENT])
    expect(
      unacknowledged().tableAt(1.5).holds(0, { allocation: 7 }).violationsWithEvents(),
    ).toEqual([])
    const again = unacknowledged()
      .get(3, 4, 0, web)
      .event('allocated', 0, 8, { actor: 'w0#1', ...web })
    expect(again.holds(0, { ...web, allocation: 8 }).violationsWithEvents()).toEqual([
      WITHOUT_EVENT,
    ])
  })

  it('is written once', () => {
    const twice = ended(2.05).event('lease-ended', 0, 7, { actor: null, dated: 2.05 })
    expect(twice.violationsWithEvents()).toEqual([WITHOUT_CHANGE])
  })

  it('is not written for a port without a lease', () => {
    const durable = new History().get(1, 1.1, 0).event('allocated', 0, 7)
    durable.event('lease-ended', 0, 7, { actor: null })
    expect(durable.violationsWithEvents()).toContain(WITHOUT_CHANGE)
  })
})

describe('a dump', () => {
  it('may lack only the leases that ended without an event', () => {
    const dumped = (ttl?: number) =>
      new History()
        .get(1, 1.1, 0, { ...(ttl && { ttl }) })
        .release(1.5, 1.6)
        .dump([2.2, 2.3], {}, { byEvents: [0], makers: { 0: 'w0#0' } })
    expect(dumped(1).violations()).toEqual([])
    expect(dumped().violations()).toEqual([NOT_A_SNAPSHOT])
  })
})
