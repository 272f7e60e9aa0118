import { describe, expect, it } from 'vitest'
import { TOO_EARLY } from '../check/rests.mjs'
import { EXHAUSTED, History } from './History.js'

/** Of the project whose numbers rest for a second: its ports count from the first of `small`. */
const FIRST = 900
const SIZE = 24
const TAKEN = { error: 'PORT_TAKEN' }
const api = { project: 'resting' }
const web = { ...api, service: 'web' }

const released = () => new History().get(0, 1, FIRST, api).release(2, 2.1, { ok: true }, api)

describe('a released number', () => {
  it('is given to nobody else before its rest is over', () => {
    expect(released().get(2.2, 2.9, FIRST, web).holds(FIRST, web).judged()).toEqual([TOO_EARLY])
    expect(released().get(2.2, 3.05, FIRST, web).holds(FIRST, web).judged()).toEqual([])
    expect(
      released()
        .get(2.2, 2.9, FIRST, { ...api, instance: 'copy' })
        .judged(),
    ).toContain(TOO_EARLY)
  })

  it('is given to its last holder at once', () => {
    expect(released().get(2.2, 2.9, FIRST, api).holds(FIRST, api).judged()).toEqual([])
  })

  it('of a project without rests is given to anybody at once', () => {
    const history = new History().get(0, 1, 0).release(2, 2.1).get(2.2, 2.9, 0, { service: 'web' })
    expect(history.holds(0, { service: 'web' }).judged()).toEqual([])
  })

  it('was perhaps held by nobody when others are told it', () => {
    const early = new History().get(0, 3, FIRST, api).release(2, 2.1, { ok: true }, api)
    expect(early.get(2.2, 2.9, FIRST, web).holds(FIRST, web).judged()).toEqual([])
  })

  it('may be given early while the clock of the server may have jumped', () => {
    const jumped = released().jump(2.15, 2.2).get(2.3, 2.9, FIRST, web)
    expect(jumped.holds(FIRST, web).judged()).toEqual([])
  })

  it('is taken, and fills its range, until its rest is over', () => {
    expect(released().claim(2.9, 3.05, FIRST, TAKEN, web).judged()).toEqual([])
    expect(released().claim(3.2, 3.3, FIRST, TAKEN, web).judged()).toEqual(['false PORT_TAKEN'])
    const full = () => {
      const history = released()
      for (let nth = 1; nth < SIZE; nth++) {
        history.claim(0, 1, FIRST + nth, FIRST + nth, web).holds(FIRST + nth, web)
      }
      return history
    }
    const other = { ...api, service: 'other' }
    expect(full().get(2.9, 3.05, EXHAUSTED, other).judged()).toEqual([])
    expect(full().get(3.2, 3.3, EXHAUSTED, other).judged()).toEqual(['false RANGE_EXHAUSTED'])
  })
})

describe('a number whose lease has ended', () => {
  it('rests from then on', () => {
    const leased = () => new History().lease([1, 1.1], [FIRST, 7], api)
    expect(leased().get(2.2, 2.9, FIRST, web).holds(FIRST, web).judged()).toEqual([TOO_EARLY])
    expect(leased().get(2.9, 3.05, FIRST, web).holds(FIRST, web).judged()).toEqual([])
  })
})
