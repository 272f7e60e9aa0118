import { describe, expect, it } from 'vitest'
import { OVER } from '../check/limits.mjs'
import { LIMITED } from '../workload.mjs'
import { History, LIMIT_REACHED, UNKNOWN } from './History.js'

const FALSE_REACHED = 'false LIMIT_REACHED'
const MOST = LIMITED.maxPorts
/** Of the limited project: its ports count from the first of `small`. */
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
  it('is not passed at any moment', () => {
    const full = () => held(MOST).tableAt(0.5)
    expect(full().judged()).toEqual([])
    expect(
      full()
        .get(2, 3, FIRST + MOST, last)
        .judged(),
    ).toEqual([OVER])
  })

  it('leaves room once a port may have been released, or its lease may have ended', () => {
    const released = () => held(MOST).release(2, 3, { ok: true }, { ...PROJECT, service: 's0' })
    expect(
      released()
        .tableAt(0.5)
        .get(2.5, 2.7, FIRST + MOST, last)
        .judged(),
    ).toEqual([])
    const leased = () =>
      held(MOST - 1)
        .lease([1, 1.1], [FIRST + MOST - 1, 7], { ...PROJECT, service: 'leased' })
        .tableAt(0.5)
    expect(
      leased()
        .get(1.9, 2.05, FIRST + MOST, last)
        .judged(),
    ).toEqual([])
    expect(
      leased()
        .get(1.2, 1.5, FIRST + MOST, last)
        .judged(),
    ).toEqual([OVER])
  })

  it('is not passed in the table', () => {
    const history = new History().tableAt(0.5)
    for (let nth = 0; nth <= MOST; nth++) {
      const asked = { ...PROJECT, service: `s${nth}` }
      history.claim(0, 1, FIRST + nth, FIRST + nth, asked).holds(FIRST + nth, asked)
      history.release(0.2, 2, { ok: true }, asked)
    }
    expect(history.judged()).toEqual([OVER])
  })
})

describe('LIMIT_REACHED', () => {
  it('is true only while as many may be held', () => {
    const refused = (count: number, asked = {}) =>
      held(count)
        .tableAt(0.5)
        .get(2, 3, LIMIT_REACHED, { ...last, ...asked })
    expect(refused(MOST).judged()).toEqual([])
    expect(refused(MOST - 1).judged()).toEqual([FALSE_REACHED])
    expect(refused(MOST, { project: 'small' }).judged()).toEqual([FALSE_REACHED])
  })

  it('counts what the call asked for', () => {
    const many = (count: number) =>
      held(MOST - 2)
        .tableAt(0.5)
        .allocateMany(2, 3, LIMIT_REACHED, { ...last, count })
    expect(many(3).judged()).toEqual([])
    expect(many(2).judged()).toEqual([FALSE_REACHED])
    const batch = held(MOST - 2).tableAt(0.5)
    const both = { last: { protocols: ['tcp', 'udp'], count: 2 } }
    expect(batch.batch([2, 3], both, LIMIT_REACHED, PROJECT).judged()).toEqual([])
  })

  it('may be true while it is unknown what another call got', () => {
    const unknown = held(MOST - 1).tableAt(0.5)
    unknown.allocate(1.5, 1.6, UNKNOWN, { ...PROJECT, service: 'unknown' })
    expect(unknown.get(2, 3, LIMIT_REACHED, last).judged()).toEqual([])
  })

  it('is not told to a service that holds a port', () => {
    const own = held(MOST).tableAt(0.5)
    own.get(2, 3, LIMIT_REACHED, { ...PROJECT, service: 's0' })
    expect(own.judged()).toEqual([FALSE_REACHED])
  })

  it('is no answer to a move or a release', () => {
    const moved = held(MOST).tableAt(0.5)
    moved.move([2, 3], [FIRST, FIRST + MOST], LIMIT_REACHED, { ...PROJECT, service: 's0' })
    expect(moved.judged()).toEqual(['raw or absurd error', FALSE_REACHED].sort())
  })
})
