import { describe, expect, it } from 'vitest'
import { EXHAUSTED, History, UNKNOWN } from './History.js'

const OUTSIDE = 'outside its range'
const LOST = 'acknowledged and lost'
const FULL = 'false RANGE_EXHAUSTED'
const FALSE_OUTSIDE = 'false PORT_OUT_OF_RANGE'
const OVERLAP = 'false RANGE_OVERLAP'
const IN_USE = 'false RANGE_IN_USE'

const outOfRange = { error: 'PORT_OUT_OF_RANGE' }
const overlap = { error: 'RANGE_OVERLAP' }
const inUse = { error: 'RANGE_IN_USE' }
const noSuchRange = { error: 'INVALID_ARGUMENT' }

/** A temporary range beside 0 to 11, which are permanent. */
const MORE: [number, number] = [20, 23]

describe('a range that was added', () => {
  const added = () => new History().addRange([1, 2], MORE)

  it('has numbers from the reply on', () => {
    expect(added().get(3, 4, 20).holds(20).violations()).toEqual([])
    expect(new History().get(3, 4, 20).addRange([5, 6], MORE).holds(20).violations()).toContain(
      OUTSIDE,
    )
  })

  it('may have numbers while it is being added or may have been added', () => {
    const atOnce = new History().addRange([1, 5], MORE).get(2, 3, 20).holds(20)
    expect(atOnce.violations()).toEqual([])
    const unknown = new History().addRange([1, 2], MORE, UNKNOWN).get(3, 4, 20).holds(20)
    expect(unknown.violations()).toEqual([])
    const refused = new History().addRange([1, 2], MORE, { error: 'BUSY' }).get(3, 4, 20)
    expect(refused.holds(20).violations()).toContain(OUTSIDE)
  })

  it('has no numbers after it was removed', () => {
    const removed = () => added().get(3, 4, 20).release(5, 6).removeRange([7, 8], MORE)
    expect(removed().violations()).toEqual([])
    expect(removed().get(9, 10, 20).holds(20).violations()).toContain(OUTSIDE)
    expect(removed().addRange([9, 10], MORE).get(11, 12, 20).holds(20).violations()).toEqual([])
  })

  it('is not removed while one of its numbers is held', () => {
    const held = added().get(3, 4, 20).removeRange([5, 6], MORE).release(7, 8)
    expect(held.violations()).toEqual([OUTSIDE])
  })

  it('counts only on the host that it is bound to', () => {
    const bound = () => new History().addRange([1, 2], MORE, { ok: true }, 'alpha')
    expect(bound().get(3, 4, 20).holds(20).violations()).toEqual([])
    const elsewhere = { host: 'beta' }
    expect(bound().get(3, 4, 20, elsewhere).holds(20, elsewhere).violations()).toContain(OUTSIDE)
  })

  it('is reported if its removal finds no such range', () => {
    expect(added().removeRange([3, 4], MORE, noSuchRange).violations()).toEqual([LOST])
    const never = new History().removeRange([3, 4], MORE, noSuchRange)
    expect(never.violations()).toEqual([])
    const perhaps = new History().addRange([1, 2], MORE, UNKNOWN)
    expect(perhaps.removeRange([3, 4], MORE, noSuchRange).violations()).toEqual([])
  })
})

describe('a number of a range that is bound to a host', () => {
  /** `middle` has 150 to 157 on `alpha`. */
  const bound = { project: 'middle', service: 'web' }

  it('belongs to the project on that host', () => {
    expect(new History().get(1, 2, 150, bound).holds(150, bound).violations()).toEqual([])
  })

  it('is reported on another host', () => {
    const elsewhere = { ...bound, host: 'beta' }
    const told = new History().get(1, 2, 150, elsewhere).holds(150, elsewhere)
    expect(told.violations()).toEqual([OUTSIDE])
    const batch = new History().batch([1, 2], { web: {} }, [['web', 150]], elsewhere)
    expect(batch.holds(150, elsewhere).violations()).toEqual([OUTSIDE])
    expect(new History().cutOff('get', 1, elsewhere).holds(150, elsewhere).violations()).toEqual([
      OUTSIDE,
    ])
  })
})

describe('PORT_OUT_OF_RANGE', () => {
  it('is wrong for a number of the project', () => {
    expect(new History().claim(1, 2, 3, outOfRange).violations()).toEqual([FALSE_OUTSIDE])
    expect(new History().claim(1, 2, 20, outOfRange).violations()).toEqual([])
  })

  it('is wrong while a range with the number exists, and may be correct while the range changes', () => {
    const added = () => new History().addRange([1, 2], MORE)
    expect(added().claim(3, 4, 20, outOfRange).violations()).toEqual([FALSE_OUTSIDE])
    expect(added().removeRange([3, 6], MORE).claim(4, 5, 20, outOfRange).violations()).toEqual([])
    const unknown = added().removeRange([3, 4], MORE, UNKNOWN).claim(5, 6, 20, outOfRange)
    expect(unknown.violations()).toEqual([])
  })
})

describe('RANGE_OVERLAP and RANGE_IN_USE', () => {
  it('are correct if the range exists, and if one of its numbers is held', () => {
    const held = new History().addRange([1, 2], MORE).addRange([3, 4], MORE, overlap)
    expect(held.get(5, 6, 20).removeRange([7, 8], MORE, inUse).holds(20).violations()).toEqual([])
  })

  it('are wrong if the range does not exist, or if none of its numbers is held', () => {
    expect(new History().addRange([1, 2], MORE, overlap).violations()).toEqual([OVERLAP])
    const empty = new History().addRange([1, 2], MORE).removeRange([3, 4], MORE, inUse)
    expect(empty.violations()).toEqual([IN_USE])
    const given = new History().addRange([1, 2], MORE).get(3, 4, 20).release(5, 6)
    expect(given.removeRange([7, 8], MORE, inUse).violations()).toEqual([IN_USE])
  })

  it('may be correct after a call with an unknown outcome', () => {
    const unknown = new History().addRange([1, 2], MORE, UNKNOWN).addRange([3, 4], MORE, overlap)
    expect(unknown.violations()).toEqual([])
    const holder = new History().addRange([1, 2], MORE).get(3, 4, UNKNOWN)
    expect(holder.removeRange([5, 6], MORE, inUse).violations()).toEqual([])
  })
})

describe('RANGE_EXHAUSTED', () => {
  /** Holds all twelve permanent numbers, each with a separate service. */
  function full(history: History) {
    for (let port = 0; port < 12; port++) {
      history.get(3 + port, 3.5 + port, port, { service: `s${port}` })
      history.holds(port, { service: `s${port}` })
    }
    return history
  }

  it('is wrong while an added range has free numbers', () => {
    const more = full(new History().addRange([1, 2], MORE))
    expect(more.get(20, 21, EXHAUSTED).violations()).toEqual([FULL])
  })

  it('is correct if that range is of another host, or was or may have been removed', () => {
    const elsewhere = full(new History().addRange([1, 2], MORE, { ok: true }, 'beta'))
    expect(elsewhere.get(20, 21, EXHAUSTED).violations()).toEqual([])
    const removed = full(new History().addRange([1, 2], MORE)).removeRange([18, 22], MORE)
    expect(removed.get(20, 21, EXHAUSTED).violations()).toEqual([])
    const unknown = full(new History().addRange([1, 2], MORE, UNKNOWN))
    expect(unknown.get(20, 21, EXHAUSTED).violations()).toEqual([])
  })
})
