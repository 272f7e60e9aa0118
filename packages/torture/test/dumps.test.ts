import { describe, expect, it } from 'vitest'
import { History, UNKNOWN } from './History.js'

const NOT_A_SNAPSHOT = 'dump that is not a snapshot'
const LOST = 'acknowledged and lost'
const UNACKNOWLEDGED = 'held without acknowledgement'

const web = { service: 'web' }
const MORE: [number, number] = [20, 23]

describe('a dump', () => {
  it('shows everything that is held, and nothing else', () => {
    const held = () => new History().get(1, 2, 0).holds(0)
    expect(held().dump([3, 4], { 0: 'api' }).violations()).toEqual([])
    expect(held().dump([3, 4], {}).violations()).toContain(LOST)
    expect(held().dump([3, 4], { 0: 'api', 1: 'web' }).violations()).toContain(UNACKNOWLEDGED)
  })

  it('shows the earlier of two changes if it shows the later one', () => {
    const changes = () => new History().get(2, 3, 0).get(4, 5, 1, web).holds(0).holds(1, web)
    expect(changes().dump([1, 6], {}).violations()).toEqual([])
    expect(changes().dump([1, 6], { 0: 'api' }).violations()).toEqual([])
    expect(changes().dump([1, 6], { 0: 'api', 1: 'web' }).violations()).toEqual([])
    expect(changes().dump([1, 6], { 1: 'web' }).violations()).toEqual([NOT_A_SNAPSHOT])
  })

  it('may show either of two changes at the same time', () => {
    const atOnce = new History().get(2, 5, 0).get(3, 4, 1, web).holds(0).holds(1, web)
    expect(atOnce.dump([1, 6], { 1: 'web' }).violations()).toEqual([])
  })

  it('shows the release that preceded an allocation that it shows', () => {
    const moved = (shown: Record<number, string>) =>
      new History()
        .get(1, 2, 0)
        .release(4, 5)
        .get(6, 7, 1, web)
        .holds(1, web)
        .dump([3, 8], shown)
        .violations()
    expect(moved({ 0: 'api' })).toEqual([])
    expect(moved({})).toEqual([])
    expect(moved({ 1: 'web' })).toEqual([])
    expect(moved({ 0: 'api', 1: 'web' })).toEqual([NOT_A_SNAPSHOT])
  })

  it('may or may not show the change of a call with an unknown outcome', () => {
    const unknown = new History().get(1, 2, 0).release(4, 5, UNKNOWN).get(6, 7, 1, web)
    expect(unknown.holds(1, web).dump([3, 8], { 0: 'api', 1: 'web' }).violations()).toEqual([])
  })

  it('has the ranges of the same moment', () => {
    const added = () => new History().addRange([2, 3], MORE).get(4, 5, 0).holds(0)
    expect(
      added()
        .dump([1, 6], { 0: 'api' }, { temporary: [MORE] })
        .violations(),
    ).toEqual([])
    expect(
      added()
        .dump([1, 6], {}, { temporary: [MORE] })
        .violations(),
    ).toEqual([])
    expect(added().dump([1, 6], { 0: 'api' }).violations()).toEqual([NOT_A_SNAPSHOT])
  })

  it('has the permanent ranges', () => {
    const without = new History().dump([1, 2], {}, { withoutRanges: true })
    expect(without.violations()).toEqual([LOST])
  })

  it('has the events of the same moment', () => {
    const held = (byEvents: number[]) =>
      new History().get(1, 2, 0).holds(0).dump([3, 4], { 0: 'api' }, { byEvents }).violations()
    expect(held([0])).toEqual([])
    expect(held([])).toEqual([NOT_A_SNAPSHOT])
    expect(held([0, 1])).toEqual([NOT_A_SNAPSHOT])
  })
})
