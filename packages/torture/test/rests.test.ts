import { describe, expect, it } from 'vitest'
import { TAKEN_WHILE_RESTING } from '../src/checker/rests.js'
import { RESTING_NOT_RETURNED } from '../src/checker/returns.js'
import { EXHAUSTED, History, repeated, UNKNOWN } from './History.js'

/**
 * The place of the project whose numbers rest for a second. Its ports count from the first of
 * `small`.
 */
const FIRST = 900
const SIZE = 24
const TAKEN = { error: 'PORT_TAKEN' }
const api = { project: 'resting' }
const web = { ...api, service: 'web' }

const released = () => new History().get(0, 1, FIRST, api).release(2, 2.1, { ok: true }, api)

describe('a released number', () => {
  it('is not given to other services before its rest is over', () => {
    expect(released().get(2.2, 2.9, FIRST, web).holds(FIRST, web).violations()).toEqual([
      TAKEN_WHILE_RESTING,
    ])
    expect(released().get(2.2, 3.05, FIRST, web).holds(FIRST, web).violations()).toEqual([])
    expect(
      released()
        .get(2.2, 2.9, FIRST, { ...api, instance: 'copy' })
        .violations(),
    ).toContain(TAKEN_WHILE_RESTING)
  })

  it('is given to its last holder at once', () => {
    expect(released().get(2.2, 2.9, FIRST, api).holds(FIRST, api).violations()).toEqual([])
  })

  it('of a project without rests is given to any service at once', () => {
    const history = new History().get(0, 1, 0).release(2, 2.1).get(2.2, 2.9, 0, { service: 'web' })
    expect(history.holds(0, { service: 'web' }).violations()).toEqual([])
  })

  it('need not have been held if others get it', () => {
    const early = new History().get(0, 3, FIRST, api).release(2, 2.1, { ok: true }, api)
    expect(early.get(2.2, 2.9, FIRST, web).holds(FIRST, web).violations()).toEqual([])
  })

  it('may be given early while the clock of the server may have jumped', () => {
    const jumped = released().jump(2.15, 2.2).get(2.3, 2.9, FIRST, web)
    expect(jumped.holds(FIRST, web).violations()).toEqual([])
  })

  it('counts as taken and fills its range until its rest is over', () => {
    expect(released().claim(2.9, 3.05, FIRST, TAKEN, web).violations()).toEqual([])
    expect(released().claim(3.2, 3.3, FIRST, TAKEN, web).violations()).toEqual(['false PORT_TAKEN'])
    const setBack = released().jump(3.5, 3.6).claim(4, 4.1, FIRST, TAKEN, web)
    expect(setBack.violations()).toEqual([])
    const full = () => {
      const history = released()
      for (let nth = 1; nth < SIZE; nth++) {
        history.claim(0, 1, FIRST + nth, FIRST + nth, web).holds(FIRST + nth, web)
      }
      return history
    }
    const other = { ...api, service: 'other' }
    expect(full().get(2.9, 3.05, EXHAUSTED, other).violations()).toEqual([])
    expect(full().get(3.2, 3.3, EXHAUSTED, other).violations()).toEqual(['false RANGE_EXHAUSTED'])
  })
})

describe('a number whose lease has ended', () => {
  it('rests from the end of the lease on', () => {
    const leased = () => new History().lease([1, 1.1], [FIRST, 7], api)
    expect(leased().get(2.2, 2.9, FIRST, web).holds(FIRST, web).violations()).toEqual([
      TAKEN_WHILE_RESTING,
    ])
    expect(leased().get(2.9, 3.05, FIRST, web).holds(FIRST, web).violations()).toEqual([])
  })
})

describe('a service whose number rests', () => {
  const again = (port: number, [from, until] = [2.2, 2.9], history = whole()) =>
    history.get(from!, until!, port, api).tableAt(0)
  const whole = () => new History().get(0, 1, FIRST, api).releaseOf([FIRST], 2, 2.1, false, api)
  const OTHER = FIRST + 1

  it('gets that number and no other', () => {
    expect(again(FIRST).violations()).toEqual([])
    expect(again(OTHER).violations()).toEqual([RESTING_NOT_RETURNED])
    const leased = whole().lease([2.2, 2.9], [OTHER, 8], api).tableAt(0)
    expect(leased.violations()).toEqual([RESTING_NOT_RETURNED])
    expect(whole().allocate(2.2, 2.9, OTHER, api).tableAt(0).violations()).toEqual([
      RESTING_NOT_RETURNED,
    ])
  })

  it('may get another number after the rest may be over', () => {
    expect(again(OTHER, [2.2, 3.05]).violations()).toEqual([])
    expect(again(OTHER, [2.05, 2.9]).violations()).toEqual([])
    expect(again(OTHER).jump(2.1, 2.2).violations()).toEqual([])
  })

  it('may get any of several numbers that rest for it', () => {
    const two = () =>
      new History()
        .get(0, 1, FIRST, api)
        .allocate(1.1, 1.2, OTHER, api)
        .releaseOf([FIRST, OTHER], 2, 2.1, false, api)
    expect(again(OTHER, [2.2, 2.9], two()).violations()).toEqual([])
    expect(again(FIRST + 2, [2.2, 2.9], two()).violations()).toEqual([RESTING_NOT_RETURNED])
  })

  it('may get another number if it still holds one, claims one, or requests a batch', () => {
    const one = new History()
      .get(0, 1, FIRST, api)
      .allocate(1.1, 1.2, OTHER, api)
      .release(2, 2.1, { ok: [[20_000 + FIRST, 'tcp']] }, { ...api, port: 20_000 + FIRST })
    expect(again(OTHER, [2.2, 2.9], one).violations()).toEqual([])
    expect(whole().claim(2.2, 2.9, OTHER, OTHER, api).tableAt(0).violations()).toEqual([])
    const batch = whole().batch([2.2, 2.9], { api: {} }, [['api', OTHER]], api)
    expect(batch.tableAt(0).violations()).toEqual([])
  })

  it('may get another number while other calls for it may take effect', () => {
    const beside = () => again(OTHER).release(2.3, 2.4, { ok: [] }, api)
    expect(beside().violations()).toEqual([])
    const unknown = whole().get(1.5, 1.6, UNKNOWN, api, 'w1')
    expect(again(OTHER, [2.2, 2.9], unknown).violations()).toEqual([])
    expect(whole().get(2.2, 2.9, repeated(OTHER), api).tableAt(0).violations()).toEqual([])
  })

  it('may get another number if a call of another service may have locked the slot', () => {
    const whileAsked = (from: number, until: number, asked: object) =>
      again(OTHER).get(from, until, FIRST + 5, { ...asked, service: 'web' }, 'w1')
    expect(whileAsked(0.5, 2.05, api).violations()).toEqual([])
    expect(whileAsked(1.1, 2.5, api).violations()).toEqual([RESTING_NOT_RETURNED])
    expect(whileAsked(0.5, 1.5, api).violations()).toEqual([RESTING_NOT_RETURNED])
    const cut = again(OTHER).cutOff('get', 0.5, { ...api, service: 'web' })
    expect(cut.violations()).toEqual([])
    expect(again(OTHER).cutOff('audit', 1.5).violations()).toEqual([])
  })

  it('may get any number in a project without rests', () => {
    const small = new History().get(0, 1, 0).releaseOf([0], 2, 2.1).get(2.2, 2.9, 1).tableAt(0)
    expect(small.violations()).toEqual([])
  })
})
