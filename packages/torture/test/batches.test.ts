import { describe, expect, it } from 'vitest'
import { EXHAUSTED, History, MISMATCH, repeated, UNKNOWN } from './History.js'

const LOST = 'acknowledged and lost'
const UNACKNOWLEDGED = 'held without acknowledgement'
const OUTSIDE = 'outside its range'
const FULL = 'false RANGE_EXHAUSTED'
const FALSE_MISMATCH = 'false LAYOUT_MISMATCH'
const SECOND = 'two ports for one service or key'
const WRONG_LAYOUT = 'batch with the wrong layout'
const INCOMPLETE_BATCH = 'incomplete batch'
const RAW = 'unexpected error or answer'
const TWO = 'held by two at once'
const WITHOUT_EVENT = 'acknowledged change without its event'
const WITHOUT_CHANGE = 'event without a change'

const web = { service: 'web' }
const api = { service: 'api' }
const udp = { proto: 'udp' }
const pair = { count: 2 }
const block = { count: 3, contiguous: true }
const both = { protocols: ['tcp', 'udp'] }

describe('the reply to a batch', () => {
  it('may be another one after one of its protocols was released', () => {
    const told = (port: number): [string, number, string?][] => [
      ['web', port],
      ['web', port, 'udp'],
    ]
    const again = (released: boolean) => {
      const history = new History()
        .batch([1, 2], { web: { count: 2, ...both } }, [...told(0), ...told(1)])
        .batch([2.1, 2.2], { web: both }, told(0))
      if (released) history.releaseOf([0], 2.3, 2.4, false, { ...web, port: 20_000 })
      else history.holds(0, web)
      return history
        .batch([3, 4], { web: both }, told(1))
        .holds(0, { ...web, ...udp })
        .holds(1, web)
        .holds(1, { ...web, ...udp })
        .violations()
    }
    expect(again(true)).toEqual([])
    expect(again(false)).toEqual([SECOND])
  })

  it('that has everything requested is correct', () => {
    const told = new History().batch([1, 2], { web: block, api: both }, [
      ['web', 0],
      ['web', 1],
      ['web', 2],
      ['api', 3],
      ['api', 3, 'udp'],
    ])
    for (const port of [0, 1, 2]) told.holds(port, web)
    expect(
      told
        .holds(3, api)
        .holds(3, { ...api, ...udp })
        .violations(),
    ).toEqual([])
  })

  it('that omits a service, or has too few or too many numbers, is reported', () => {
    const none = new History().batch([1, 2], { web: {}, api: {} }, [['web', 0]])
    expect(none.holds(0, web).violations()).toEqual([WRONG_LAYOUT])
    const few = new History().batch([1, 2], { web: pair }, [['web', 0]]).holds(0, web)
    expect(few.violations()).toContain(WRONG_LAYOUT)
    const many = new History().batch([1, 2], { web: {} }, [
      ['web', 0],
      ['web', 1],
    ])
    expect(many.holds(0, web).holds(1, web).violations()).toContain(WRONG_LAYOUT)
  })

  it('with a gap is reported if the numbers must be contiguous', () => {
    const told = (layout: object) =>
      new History()
        .batch([1, 2], { web: layout }, [
          ['web', 0],
          ['web', 2],
        ])
        .holds(0, web)
        .holds(2, web)
    expect(told({ count: 2, contiguous: true }).violations()).toContain(WRONG_LAYOUT)
    expect(told(pair).violations()).toEqual([])
  })

  it('with different numbers for UDP and TCP is reported', () => {
    const told = new History().batch([1, 2], { web: both }, [
      ['web', 0],
      ['web', 1, 'udp'],
    ])
    expect(
      told
        .holds(0, web)
        .holds(1, { ...web, ...udp })
        .violations(),
    ).toContain(WRONG_LAYOUT)
  })

  it('that is not in the order of the items is reported', () => {
    const told = new History().batch([1, 2], { web: {}, api: {} }, [
      ['api', 1],
      ['web', 0],
    ])
    expect(told.holds(0, web).holds(1, api).violations()).toEqual([WRONG_LAYOUT])
  })

  it('with a number that another service holds, or that is outside the range, is reported', () => {
    const taken = new History().get(1, 2, 0).batch([3, 4], { web: {} }, [['web', 0]])
    expect(taken.holds(0).violations()).toContain(TWO)
    const outside = new History().batch([1, 2], { web: {} }, [['web', 12]])
    expect(outside.holds(12, web).violations()).toEqual([OUTSIDE])
  })

  it('is reported if the table does not have it', () => {
    expect(new History().batch([1, 2], { web: {} }, [['web', 0]]).violations()).toEqual([LOST])
  })
})

describe('a repeated batch', () => {
  const first = () => new History().batch([1, 4], { web: {} }, [['web', 0]], { by: 'w1' })

  it('gets the same numbers, concurrently as well', () => {
    const same = first().batch([2, 3], { web: {}, api: {} }, [
      ['web', 0],
      ['api', 1],
    ])
    expect(same.holds(0, web).holds(1, api).violations()).toEqual([])
  })

  it('is reported if it gets other numbers, concurrently as well', () => {
    const atOnce = first().batch([2, 3], { web: {} }, [['web', 1]])
    expect(atOnce.holds(0, web).holds(1, web).violations()).toContain(SECOND)
    const later = first().batch([5, 6], { web: {} }, [['web', 1]])
    expect(later.holds(0, web).holds(1, web).violations()).toContain(SECOND)
  })

  it('is reported if a service that holds a port gets more ports', () => {
    const more = first().batch([5, 6], { web: pair }, [
      ['web', 0],
      ['web', 1],
    ])
    expect(more.holds(0, web).holds(1, web).violations()).toEqual([SECOND])
  })

  it('may get other numbers after a release, or during one', () => {
    const after = first()
      .release(5, 6, { ok: true }, web)
      .batch([7, 8], { web: {} }, [['web', 1]])
    expect(after.holds(1, web).violations()).toEqual([])
    const during = first()
      .release(5, 9, { ok: true }, web)
      .batch([6, 7], { web: {} }, [['web', 1]])
    expect(during.holds(1, web).violations()).toEqual([])
  })
})

describe('a batch without a reply', () => {
  const layouts = { web: pair, api: {} }
  const cutOff = () => new History().batchCutOff(1, layouts)
  const ofBatch = { actor: 'w9#0', transaction: '1' }

  it('may have taken effect as a whole, or not at all', () => {
    expect(cutOff().violations()).toEqual([])
    expect(cutOff().holds(0, web).holds(1, web).holds(2, api).violations()).toEqual([])
  })

  it('is reported if the table has only a part of the ports of a service', () => {
    expect(cutOff().holds(0, web).holds(2, api).violations()).toEqual([INCOMPLETE_BATCH])
  })

  it('is reported if a list shows only a part', () => {
    expect(cutOff().list(3, 4, { 0: 'web' }).violations()).toEqual([INCOMPLETE_BATCH])
    expect(cutOff().list(3, 4, { 0: 'web', 1: 'web' }).violations()).toEqual([])
  })

  it('explains no more ports than it requested', () => {
    const more = cutOff().holds(0, web).holds(1, web).holds(2, api).holds(3, api)
    expect(more.violations()).toContain(UNACKNOWLEDGED)
  })

  it('may be in the table in part if a single number may have been released', () => {
    const narrow = cutOff().release(3, 4, { ok: true }, { ...web, port: 20_001 })
    expect(narrow.holds(0, web).violations()).toEqual([])
  })

  it('is reported if the events have one of its services but not the other', () => {
    const events = () =>
      cutOff()
        .event('allocated', 0, 7, { ...web, ...ofBatch })
        .event('allocated', 1, 8, { ...web, ...ofBatch })
        .holds(0, { ...web, allocation: 7 })
        .holds(1, { ...web, allocation: 8 })
    expect(events().violationsWithEvents()).toEqual([INCOMPLETE_BATCH])
    const whole = events().event('allocated', 2, 9, ofBatch).holds(2, { allocation: 9 })
    expect(whole.violationsWithEvents()).toEqual([])
  })

  it('is reported if its events are in two transactions', () => {
    const events = (second: string) =>
      cutOff()
        .event('allocated', 0, 7, { ...web, ...ofBatch })
        .event('allocated', 1, 8, { ...web, ...ofBatch, transaction: second })
        .event('allocated', 2, 9, ofBatch)
        .holds(0, { ...web, allocation: 7 })
        .holds(1, { ...web, allocation: 8 })
        .holds(2, { allocation: 9 })
    expect(events('1').violationsWithEvents()).toEqual([])
    expect(events('2').violationsWithEvents()).toContain(INCOMPLETE_BATCH)
  })
})

describe('the events of a batch', () => {
  const told = () =>
    new History()
      .batch([1, 2], { web: {}, api: {} }, [
        ['web', 0],
        ['api', 1],
      ])
      .holds(0, { ...web, allocation: 7 })
      .holds(1, { allocation: 8 })
  const one = { transaction: '1' }

  it('include one for each number', () => {
    const events = told().event('allocated', 0, 7, { ...web, ...one })
    expect(events.violationsWithEvents()).toContain(WITHOUT_EVENT)
    expect(events.event('allocated', 1, 8, one).violationsWithEvents()).toEqual([])
  })

  it('may omit a service that already held a port', () => {
    const held = new History().get(0, 0.5, 1).event('allocated', 1, 8)
    const batch = (history: History) =>
      history
        .batch([1, 2], { web: {}, api: {} }, [
          ['web', 0],
          ['api', 1],
        ])
        .event('allocated', 0, 9, { ...web, actor: 'w0#1' })
        .holds(0, { ...web, allocation: 9 })
    expect(batch(held).holds(1, { allocation: 8 }).violationsWithEvents()).toEqual([])
  })

  it('do not exist if it was refused', () => {
    const refused = new History()
      .batch([1, 2], { web: {} }, { error: 'BUSY' })
      .event('allocated', 0, 7, web)
      .holds(0, { ...web, allocation: 7 })
    expect(refused.violationsWithEvents()).toContain(WITHOUT_CHANGE)
  })

  it('have only the numbers of the reply', () => {
    const more = told()
      .event('allocated', 0, 7, { ...web, ...one })
      .event('allocated', 1, 8, one)
      .event('allocated', 2, 9, one)
    expect(more.holds(2, { allocation: 9 }).violationsWithEvents()).toContain(WITHOUT_CHANGE)
  })
})

describe('allocate with a count', () => {
  const two = { count: 2, key: 'k' }

  it('returns the same numbers under one key while they are held', () => {
    const again = (ports: number[]) =>
      new History().allocateMany(1, 2, [0, 1], two).allocateMany(3, 4, ports, two)
    expect(again([0, 1]).holds(0).holds(1).violations()).toEqual([])
    const others = again([2, 3])
    for (const port of [0, 1, 2, 3]) others.holds(port)
    expect(others.violations()).toContain(SECOND)
  })

  it('returns other numbers under another key, or without a key', () => {
    const others = new History()
      .allocateMany(1, 2, [0, 1], two)
      .allocateMany(3, 4, [2, 3], { count: 2, key: 'l' })
      .allocateMany(5, 6, [4], { count: 1 })
    for (const port of [0, 1, 2, 3, 4]) others.holds(port)
    expect(others.violations()).toEqual([])
  })

  it('is reported if it returns a number that the service already holds', () => {
    const twice = new History().allocateMany(1, 2, [0, 1], two).allocateMany(3, 4, [1, 2], {
      count: 2,
      key: 'l',
    })
    for (const port of [0, 1, 2]) twice.holds(port)
    expect(twice.violations()).toEqual([TWO])
  })

  it('is reported if it returns too few numbers, or numbers with a gap', () => {
    const few = new History().allocateMany(1, 2, [0], two).holds(0)
    expect(few.violations()).toEqual([WRONG_LAYOUT])
    const gap = new History().allocateMany(1, 2, [0, 2], { ...two, contiguous: true })
    expect(gap.holds(0).holds(2).violations()).toEqual([WRONG_LAYOUT])
  })
})

describe('LAYOUT_MISMATCH', () => {
  it('is wrong if no service of the batch holds a port', () => {
    expect(new History().batch([1, 2], { web: {} }, MISMATCH).violations()).toEqual([
      FALSE_MISMATCH,
    ])
  })

  it('is wrong if the services hold what was requested', () => {
    const held = () => new History().batch([1, 2], { web: {} }, [['web', 0]]).holds(0, web)
    expect(held().batch([3, 4], { web: {} }, MISMATCH).violations()).toEqual([FALSE_MISMATCH])
    expect(held().batch([3, 4], { web: pair }, MISMATCH).violations()).toEqual([])
    expect(held().batch([3, 4], { web: both }, MISMATCH).violations()).toEqual([])
  })

  it('may be correct if a part was or may have been released, or may be held', () => {
    const two = () =>
      new History().batch([1, 2], { web: pair }, [
        ['web', 0],
        ['web', 1],
      ])
    const released = two().release(3, 4, { ok: true }, { ...web, port: 20_000 })
    expect(released.batch([5, 6], { web: pair }, MISMATCH).holds(1, web).violations()).toEqual([])
    const unclear = new History().allocate(1, 2, UNKNOWN, web)
    expect(unclear.batch([3, 4], { web: pair }, MISMATCH).violations()).toEqual([])
  })

  it('is wrong for a key under which nothing is held, and without a key', () => {
    const held = () => new History().allocateMany(1, 2, [0], { count: 1, key: 'k' }).holds(0)
    const asked = (key: string) => held().allocateMany(3, 4, MISMATCH, { count: 2, key })
    expect(asked('l').violations()).toEqual([FALSE_MISMATCH])
    expect(asked('k').violations()).toEqual([])
    const keyless = held().allocateMany(3, 4, MISMATCH, { count: 2 })
    expect(keyless.violations()).toEqual([FALSE_MISMATCH])
  })

  it('is never a reply to a get', () => {
    expect(new History().get(1, 2, MISMATCH).violations()).toEqual([RAW])
  })
})

describe('RANGE_EXHAUSTED as the reply to a batch', () => {
  /** Holds all twelve numbers except these, each with a separate service. */
  function allBut(...free: number[]) {
    const history = new History()
    for (let port = 0; port < 12; port++) {
      if (free.includes(port)) continue
      history.get(1 + port, 1.5 + port, port, { service: `s${port}` })
      history.holds(port, { service: `s${port}` })
    }
    return history
  }

  it('is wrong if enough numbers are free', () => {
    const asked = (...free: number[]) =>
      allBut(...free).batch([20, 21], { web: pair, api: {} }, EXHAUSTED)
    expect(asked(3, 5, 7).violations()).toEqual([FULL])
    expect(asked(3, 5).violations()).toEqual([])
  })

  it('is wrong if a block of that size is free', () => {
    const asked = (...free: number[]) => allBut(...free).batch([20, 21], { web: block }, EXHAUSTED)
    expect(asked(3, 4, 5).violations()).toEqual([FULL])
    expect(asked(2, 3, 5, 6, 8).violations()).toEqual([])
  })

  it('is correct if a number is free for only one protocol', () => {
    const asked = (history: History) => history.batch([20, 21], { web: both }, EXHAUSTED)
    const taken = new History()
    for (let port = 0; port < 12; port++) {
      const place = { service: `s${port}`, proto: port === 3 ? 'udp' : 'tcp' }
      taken.get(1 + port, 1.5 + port, port, place).holds(port, place)
    }
    expect(asked(taken).violations()).toEqual([])
    expect(asked(allBut(3)).violations()).toEqual([FULL])
  })

  it('is wrong if the services hold what they request', () => {
    const held = allBut(3)
      .batch([15, 16], { web: {} }, [['web', 3]])
      .holds(3, web)
    expect(held.batch([20, 21], { web: {} }, EXHAUSTED).violations()).toEqual([FULL])
  })

  it('may be correct if a call with an unknown outcome may hold one of the last numbers', () => {
    const unknown = allBut(3).get(15, 16, UNKNOWN, { service: 'x' })
    expect(unknown.batch([20, 21], { web: {} }, EXHAUSTED).violations()).toEqual([])
    const batch = allBut(3, 5).batch([15, 16], { x: {}, y: {} }, UNKNOWN)
    expect(batch.batch([20, 21], { web: {} }, EXHAUSTED).violations()).toEqual([])
  })

  it('is checked for allocate with a count as well', () => {
    const asked = (count: number) => allBut(3, 5).allocateMany(20, 21, EXHAUSTED, { count })
    expect(asked(2).violations()).toEqual([FULL])
    expect(asked(3).violations()).toEqual([])
  })
})

it('may be caused by an attempt whose reply was lost', () => {
  const { lost } = repeated(0)
  const told = new History().batch([1, 2], { web: {} }, { ok: [['web', 'tcp', 20_000]], lost })
  const later = told.release(3, 4, { ok: true }, web).holds(1, web).tableAt(6)
  expect(later.violations()).toEqual([])
})
