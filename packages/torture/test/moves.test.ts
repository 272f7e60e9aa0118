import { describe, expect, it } from 'vitest'
import { History, UNKNOWN } from './History.js'

const NOT_ATOMIC = 'move that was not atomic'
const TWO = 'held by two at once'
const LOST = 'acknowledged and lost'
const UNACKNOWLEDGED = 'held without acknowledgement'
const SECOND = 'two ports for one service or key'
const WITHOUT_EVENT = 'acknowledged change without its event'
const WITHOUT_CHANGE = 'event without a change'

const web = { service: 'web' }
const moved = () => new History().get(1, 2, 0).move([3, 6], [0, 5])

describe('a service that moved', () => {
  it('holds the new number and not the old one', () => {
    expect(moved().holds(5).violations()).toEqual([])
    expect(moved().holds(0).violations()).toContain(LOST)
    expect(moved().holds(0).holds(5).violations()).toEqual([UNACKNOWLEDGED])
  })

  it('gets the new number', () => {
    expect(moved().get(7, 8, 5).holds(5).violations()).toEqual([])
    expect(moved().get(7, 8, 0).holds(5).violations()).toContain(SECOND)
  })

  it('leaves the old number to others, and holds the new one alone', () => {
    expect(moved().get(7, 8, 0, web).holds(5).holds(0, web).violations()).toEqual([])
    expect(moved().get(7, 8, 5, web).holds(5).violations()).toContain(TWO)
  })

  it('may or may not have moved if there was no reply', () => {
    const unknown = () => new History().get(1, 2, 0).move([3, 4], [0, 5], UNKNOWN)
    expect(unknown().holds(0).violations()).toEqual([])
    expect(unknown().holds(5).violations()).toEqual([])
    expect(unknown().holds(5).holds(6).violations()).toEqual([UNACKNOWLEDGED])
  })

  it('keeps the old number if the move was refused', () => {
    const refused = () => new History().get(1, 2, 0).move([3, 4], [0, 5], { error: 'BUSY' })
    expect(refused().holds(0).violations()).toEqual([])
    expect(refused().violations()).toEqual([LOST])
  })

  it('gets no reply that it holds neither number while it holds one', () => {
    const neither = { ok: null }
    const held = new History().get(1, 2, 0).move([3, 4], [0, 5], neither).holds(0)
    expect(held.violations()).toEqual([LOST])
    const released = new History().get(1, 2, 0).release(3, 6).move([4, 5], [0, 5], neither)
    expect(released.violations()).toEqual([])
  })
})

describe('a move', () => {
  it('is reported if others get the old number before they release the new one', () => {
    /** Another service holds 5 until it starts to release it then. */
    const beside = (released: number) =>
      new History()
        .get(0, 0.5, 5, { service: 'db' })
        .get(1, 2, 0)
        .move([3, 9], [0, 5])
        .get(4, 6, 0, web)
        .release(released, released + 0.5, { ok: true }, { service: 'db' })
        .holds(5)
        .holds(0, web)
    expect(beside(7).violations()).toEqual([NOT_ATOMIC])
    expect(beside(5).violations()).toEqual([])
  })

  it('is reported if a list shows neither number', () => {
    expect(moved().list(4, 5, {}).holds(5).violations()).toEqual([NOT_ATOMIC])
    expect(moved().list(4, 5, { 0: 'api' }).holds(5).violations()).toEqual([])
    expect(moved().list(4, 5, { 5: 'api' }).holds(5).violations()).toEqual([])
  })

  it('may be missing in a list if its service was released during the list', () => {
    const released = moved().list(4, 5, {}).release(4.5, 5.5)
    expect(released.violations()).toEqual([])
  })
})

describe('the events of a move', () => {
  const by = (transaction: string) => ({ actor: 'w0#1', transaction })
  const told = () => moved().event('allocated', 0, 1, { transaction: '1' })

  it('are a release and an allocation in one transaction', () => {
    const one = told().event('released', 0, 1, by('2')).event('allocated', 5, 2, by('2'))
    expect(one.holds(5, { allocation: 2 }).violationsWithEvents()).toEqual([])
    const two = told().event('released', 0, 1, by('2')).event('allocated', 5, 2, by('3'))
    expect(two.holds(5, { allocation: 2 }).violationsWithEvents()).toContain(NOT_ATOMIC)
  })

  it('must exist', () => {
    const none = told().holds(5, { allocation: 2 }).violationsWithEvents()
    expect(none).toContain(WITHOUT_EVENT)
  })

  it('have a higher id than the released number', () => {
    const lower = new History().get(1, 2, 0).move([3, 6], [0, 5])
    lower.event('allocated', 0, 3, { transaction: '1' })
    lower.event('released', 0, 3, by('2')).event('allocated', 5, 2, by('2'))
    expect(lower.holds(5, { allocation: 2 }).violationsWithEvents()).toEqual([WITHOUT_CHANGE])
  })

  it('do not exist for a refused move', () => {
    const refused = new History().get(1, 2, 0).move([3, 4], [0, 5], { error: 'PORT_TAKEN' })
    refused.get(2, 9, 5, web, 'w1').event('allocated', 0, 1, { transaction: '1' })
    refused.event('released', 0, 1, by('2')).event('allocated', 5, 2, by('2'))
    expect(refused.holds(5, { allocation: 2 }).violationsWithEvents()).toContain(WITHOUT_CHANGE)
  })
})
