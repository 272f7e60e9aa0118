import { describe, expect, it } from 'vitest'
import { OVER_RATE_LIMIT } from '../src/checker/givenPorts.js'
import { OVER_LIMIT } from '../src/checker/limits.js'
import { LIMITED, LIMITS, PACED } from '../src/workload.js'
import { History, LIMIT_REACHED, repeated, UNKNOWN } from './History.js'

const FALSE_REACHED = 'false LIMIT_REACHED'
const MOST = LIMITS.held.maxPorts
/** The place of the limited project. Its ports count from the first of `small`. */
const FIRST = 800
const PROJECT = { project: LIMITED.projectName }

/** Each service has one port from second 1 on. */
function held(count: number): History {
  const history = new History()
  for (let nth = 0; nth < count; nth++) {
    history.claim(0, 1, FIRST + nth, FIRST + nth, { ...PROJECT, service: `s${nth}` })
  }
  return history
}

const last = { ...PROJECT, service: 'last' }

describe('the limit of a project', () => {
  it('is never exceeded', () => {
    const full = () => held(MOST).tableAt(0.5)
    expect(full().violations()).toEqual([])
    expect(
      full()
        .get(2, 3, FIRST + MOST, last)
        .violations(),
    ).toEqual([OVER_LIMIT])
  })

  it('allows a port after another may have been released or its lease may have ended', () => {
    const released = () => held(MOST).release(2, 3, { ok: true }, { ...PROJECT, service: 's0' })
    expect(
      released()
        .tableAt(0.5)
        .get(2.5, 2.7, FIRST + MOST, last)
        .violations(),
    ).toEqual([])
    const leased = () =>
      held(MOST - 1)
        .lease([1, 1.1], [FIRST + MOST - 1, 7], { ...PROJECT, service: 'leased' })
        .tableAt(0.5)
    expect(
      leased()
        .get(1.9, 2.05, FIRST + MOST, last)
        .violations(),
    ).toEqual([])
    expect(
      leased()
        .get(1.2, 1.5, FIRST + MOST, last)
        .violations(),
    ).toEqual([OVER_LIMIT])
  })

  it('is not exceeded in the table', () => {
    const history = new History().tableAt(0.5)
    for (let nth = 0; nth <= MOST; nth++) {
      const asked = { ...PROJECT, service: `s${nth}` }
      history.claim(0, 1, FIRST + nth, FIRST + nth, asked).holds(FIRST + nth, asked)
      history.release(0.2, 2, { ok: true }, asked)
    }
    expect(history.violations()).toEqual([OVER_LIMIT])
  })
})

describe('LIMIT_REACHED', () => {
  it('is correct only while the limit may be reached', () => {
    const refused = (count: number, asked = {}) =>
      held(count)
        .tableAt(0.5)
        .get(2, 3, LIMIT_REACHED, { ...last, ...asked })
    expect(refused(MOST).violations()).toEqual([])
    expect(refused(MOST - 1).violations()).toEqual([FALSE_REACHED])
    expect(refused(MOST, { project: 'small' }).violations()).toEqual([FALSE_REACHED])
  })

  it('counts the ports that the call requests', () => {
    const many = (count: number) =>
      held(MOST - 2)
        .tableAt(0.5)
        .allocateMany(2, 3, LIMIT_REACHED, { ...last, count })
    expect(many(3).violations()).toEqual([])
    expect(many(2).violations()).toEqual([FALSE_REACHED])
    const batch = held(MOST - 2).tableAt(0.5)
    const both = { last: { protocols: ['tcp', 'udp'], count: 2 } }
    expect(batch.batch([2, 3], both, LIMIT_REACHED, PROJECT).violations()).toEqual([])
  })

  it('may be correct while it is unknown which ports another call got', () => {
    const unknown = held(MOST - 1).tableAt(0.5)
    unknown.allocate(1.5, 1.6, UNKNOWN, { ...PROJECT, service: 'unknown' })
    expect(unknown.get(2, 3, LIMIT_REACHED, last).violations()).toEqual([])
  })

  it('is not returned to a service that holds a port', () => {
    const own = held(MOST).tableAt(0.5)
    own.get(2, 3, LIMIT_REACHED, { ...PROJECT, service: 's0' })
    expect(own.violations()).toEqual([FALSE_REACHED])
  })

  it('is returned to a service that holds a port and claims another one', () => {
    const service = { ...PROJECT, service: 's0' }
    const claimed = (port: number) =>
      held(MOST).tableAt(0.5).claim(2, 3, port, LIMIT_REACHED, service).violations()
    expect(claimed(FIRST)).toEqual([FALSE_REACHED])
    expect(claimed(FIRST + MOST)).toEqual([])
  })

  it('is never a reply to a move or a release', () => {
    const moved = held(MOST).tableAt(0.5)
    moved.move([2, 3], [FIRST, FIRST + MOST], LIMIT_REACHED, { ...PROJECT, service: 's0' })
    expect(moved.violations()).toEqual(['unexpected error or answer', FALSE_REACHED].sort())
  })
})

describe('the limit of ports given in a minute', () => {
  const { perMinute } = LIMITS.given
  const FIRST_PACED = 850
  const paced = (service: string) => ({ project: PACED.projectName, service })

  /** Ports are taken one after the other in a tenth of a second each and released at once. */
  function given(count: number, from = 0, history = new History()): History {
    for (let nth = 0; nth < count; nth++) {
      const at = from + nth / 10
      const asked = paced(`s${from}-${nth}`)
      history.allocate(at, at + 0.01, FIRST_PACED, asked)
      history.release(at + 0.02, at + 0.03, { ok: true }, asked)
    }
    return history
  }
  const next = (at: number, history = given(perMinute)) =>
    history.get(at, at + 0.1, FIRST_PACED, paced('next')).tableAt(0)

  it('is not exceeded within any minute', () => {
    expect(given(perMinute).violations()).toEqual([])
    expect(next(40).violations()).toEqual([OVER_RATE_LIMIT])
    expect(next(59.7).violations()).toEqual([])
    expect(given(perMinute, 60, given(perMinute)).violations()).toEqual([])
  })

  it('counts each reply with a port that the service cannot have held before', () => {
    const told = (answer: Parameters<History['get']>[2]) =>
      given(perMinute).get(40, 41, answer, paced('next')).tableAt(0)
    expect(told(FIRST_PACED).violations()).toEqual([OVER_RATE_LIMIT])
    expect(told(repeated(FIRST_PACED)).violations()).toEqual([OVER_RATE_LIMIT])
    expect(told(UNKNOWN).violations()).toEqual([])
    const again = next(5, given(perMinute - 1)).get(40, 41, FIRST_PACED, paced('next'))
    expect(again.violations()).toEqual([])
    const beside = given(perMinute - 1)
      .get(40, 42, FIRST_PACED, paced('next'))
      .get(41, 43, FIRST_PACED, paced('next'), 'w1')
    expect(beside.tableAt(0).violations()).toEqual([])
  })

  it('counts every allocation without a key, and those under one key once', () => {
    const asked = { ...paced('next'), key: 'k' }
    const twice = (key?: string) =>
      given(perMinute - 1)
        .allocate(40, 41, FIRST_PACED, { ...asked, key: key! })
        .release(42, 43, { ok: true }, asked)
        .allocate(44, 45, FIRST_PACED, { ...asked, key: key! })
    expect(twice().tableAt(0).violations()).toEqual([OVER_RATE_LIMIT])
    expect(twice('k').tableAt(0).violations()).toEqual([])
    const two = given(perMinute - 1).allocateMany(40, 41, [FIRST_PACED, FIRST_PACED + 1], {
      ...paced('next'),
      count: 2,
    })
    expect(two.tableAt(0).violations()).toEqual([OVER_RATE_LIMIT])
  })

  it('counts no move and no renewal', () => {
    const leased = () =>
      given(perMinute - 1).lease([40, 40.1], [FIRST_PACED, 7], { ...paced('next'), ttl: 9 })
    expect(
      leased()
        .renew([41, 41.1], [FIRST_PACED, 7], undefined, paced('next'))
        .tableAt(0)
        .violations(),
    ).toEqual([])
    const moved = next(40, given(perMinute - 1)).move(
      [41, 42],
      [FIRST_PACED, FIRST_PACED + 1],
      undefined,
      paced('next'),
    )
    expect(moved.violations()).toEqual([])
  })

  it('starts again whenever the clock of the server may have jumped', () => {
    expect(next(40).jump(30, 31).violations()).toEqual([])
    expect(next(40).jump(50, 51).violations()).toEqual([OVER_RATE_LIMIT])
  })

  it('is reached only if that many ports may have been taken in the minute before', () => {
    const refused = (at: number, history = given(perMinute)) =>
      history.get(at, at + 1, LIMIT_REACHED, paced('next'))
    expect(refused(40).violations()).toEqual([])
    expect(refused(40, given(perMinute - 1)).violations()).toEqual([FALSE_REACHED])
    expect(refused(60.2).violations()).toEqual([])
    expect(refused(63).violations()).toEqual([FALSE_REACHED])
    const unknown = given(perMinute - 1).allocate(30, 31, UNKNOWN, paced('other'))
    expect(refused(90, unknown).violations()).toEqual([FALSE_REACHED])
    const recent = given(perMinute - 6).allocate(30, 31, UNKNOWN, paced('other'))
    expect(refused(40, recent).violations()).toEqual([])
  })

  it('may count for longer after the clock of the server has jumped', () => {
    const jumped = given(perMinute).jump(10, 11)
    expect(jumped.get(100, 101, LIMIT_REACHED, paced('next')).violations()).toEqual([])
  })
})

describe('the limit of actors', () => {
  const { maxPorts, perMinute } = LIMITS.actors

  /** The ports are in two projects. */
  const place = (nth: number) =>
    nth % 2 === 0
      ? { port: nth, asked: { service: `s${nth}` } }
      : { port: 200 + nth, asked: { service: `s${nth}`, project: 'large' } }
  function heldBy(count: number, nameOf: (nth: number) => string): History {
    const history = new History().tableAt(0)
    for (let nth = 0; nth < count; nth++) {
      const { port, asked } = place(nth)
      history.get(1, 2, port, asked, nameOf(nth))
    }
    return history
  }
  const agents = (nth: number) => `agent-${nth % 3}`

  it('is not exceeded by all of them together', () => {
    expect(heldBy(maxPorts, agents).violations()).toEqual([])
    expect(heldBy(maxPorts + 1, agents).violations()).toEqual([OVER_LIMIT])
  })

  it('does not count ports that other actors may have requested', () => {
    expect(heldBy(maxPorts + 1, (nth) => (nth === 0 ? 'w0' : agents(nth))).violations()).toEqual([])
    const { port, asked } = place(0)
    const shared = heldBy(maxPorts + 1, agents).get(1.5, 2.5, port, asked, 'w0')
    expect(shared.violations()).toEqual([])
  })

  it('is not exceeded within any minute', () => {
    const given = (count: number) => {
      const history = new History().tableAt(0)
      for (let nth = 0; nth < count; nth++) {
        const asked = { project: 'large', service: `s${nth}` }
        history.allocate(nth / 10, nth / 10 + 0.01, 200, asked, agents(nth))
        history.release(nth / 10 + 0.02, nth / 10 + 0.03, { ok: true }, asked)
      }
      return history
    }
    expect(given(perMinute).violations()).toEqual([])
    expect(given(perMinute + 1).violations()).toEqual([OVER_RATE_LIMIT])
  })

  it('is returned to them only while the limit may be reached', () => {
    const last = { service: 'last' }
    const refused = (count: number, by: string) =>
      heldBy(count, agents).get(3, 4, LIMIT_REACHED, last, by)
    expect(refused(maxPorts, 'agent-0').violations()).toEqual([])
    expect(refused(maxPorts, 'w0').violations()).toEqual([FALSE_REACHED])
    expect(refused(maxPorts - 1, 'agent-0').violations()).toEqual([FALSE_REACHED])
  })
})
