import { describe, expect, it } from 'vitest'
import { EXHAUSTED, History, repeated, UNKNOWN } from './History.js'

const TWO = 'held by two at once'
const LOST = 'acknowledged and lost'
const UNACKNOWLEDGED = 'held without acknowledgement'
const OUTSIDE = 'outside its range'
const FULL = 'false RANGE_EXHAUSTED'
const SECOND = 'two ports for one service or key'
const DEADLOCK = 'deadlock reported to a caller'
const RAW = 'unexpected error or answer'
const ENDLESS = 'call that did not end'
const WITHOUT_EVENT = 'acknowledged change without its event'
const WITHOUT_CHANGE = 'event without a change'
const WAITED_FOR_UNRELATED = 'waited for an unrelated transaction'

const web = { service: 'web' }
const key = { key: 'k' }

describe('a port', () => {
  it('that two services hold at the same time is reported', () => {
    const history = new History().get(1, 2, 0).get(3, 4, 0, web).holds(0)
    expect(history.violations()).toContain(TWO)
  })

  it('that the first service released before is not reported', () => {
    const history = new History().get(1, 2, 0).release(3, 4).get(5, 6, 0, web).holds(0, web)
    expect(history.violations()).toEqual([])
  })

  it('that the first service was releasing at that time is not reported', () => {
    const history = new History().get(1, 2, 0).release(3, 9).get(4, 5, 0, web).holds(0, web)
    expect(history.violations()).toEqual([])
  })

  it('that a release without a reply may have released is not reported', () => {
    const history = new History()
      .get(1, 2, 0)
      .release(3, 4, UNKNOWN)
      .get(50, 51, 0, web)
      .holds(0, web)
    expect(history.violations()).toEqual([])
  })

  it('that was not released because of BUSY is reported', () => {
    const history = new History().get(1, 2, 0).release(3, 4, { error: 'BUSY' }).get(5, 6, 0, web)
    expect(history.holds(0).violations()).toContain(TWO)
  })

  it('of another host or protocol is another port', () => {
    const history = new History()
      .get(1, 2, 0)
      .get(3, 4, 0, { ...web, host: 'beta' })
      .get(5, 6, 0, { ...web, proto: 'udp' })
    history
      .holds(0)
      .holds(0, { ...web, host: 'beta' })
      .holds(0, { ...web, proto: 'udp' })
    expect(history.violations()).toEqual([])
  })

  it('that a list or the table shows twice is reported', () => {
    const twice = new History().get(1, 2, 0).holds(0).holds(0, web)
    expect(twice.violations()).toContain(TWO)
  })

  it('that allocate returns twice to one service is reported', () => {
    const history = new History().allocate(1, 2, 0).allocate(3, 4, 0).holds(0)
    expect(history.violations()).toEqual([TWO])
  })

  it('that allocate returns again under the same key is not reported', () => {
    const history = new History().allocate(1, 2, 0, key).allocate(3, 4, 0, key).holds(0)
    expect(history.violations()).toEqual([])
  })

  it('that a get returns while allocate is allocating it is not reported', () => {
    const history = new History().allocate(1, 9, 0).get(3, 4, 0).holds(0)
    expect(history.violations()).toEqual([])
  })

  it('that allocate returns again during a release is not reported', () => {
    const history = new History().allocate(1, 2, 0).release(3, 6).allocate(4, 5, 0).holds(0)
    expect(history.violations()).toEqual([])
  })
})

describe('an acknowledged port', () => {
  it('that is not in the table is reported', () => {
    expect(new History().get(1, 2, 0).violations()).toEqual([LOST])
  })

  it('that the table has for another service is reported', () => {
    expect(new History().get(1, 2, 0).holds(0, web).violations()).toContain(LOST)
  })

  it('that a later list does not show is reported', () => {
    const history = new History().get(1, 2, 0).list(3, 4, {}).holds(0)
    expect(history.violations()).toEqual([LOST])
  })

  it('may be missing in a list that began before it, or during its release', () => {
    const history = new History()
      .list(0, 2, {})
      .get(1, 3, 0)
      .list(4, 5, { 0: 'api' })
      .list(6, 8, {})
      .release(7, 9)
    expect(history.violations()).toEqual([])
  })

  it('that was released before the reply may be gone', () => {
    expect(new History().get(1, 5, 0).release(2, 3).violations()).toEqual([])
  })

  it('is not released by a release for another protocol or of another number', () => {
    const udp = new History().get(1, 2, 0).release(3, 4, { ok: false }, { proto: 'udp' })
    expect(udp.violations()).toEqual([LOST])
    const other = new History().get(1, 2, 0).release(3, 4, { ok: false }, { port: 20_001 })
    expect(other.violations()).toEqual([LOST])
  })
})

describe('a port that was never acknowledged', () => {
  it('is reported', () => {
    expect(new History().get(1, 2, 0).holds(0).holds(1, web).violations()).toEqual([UNACKNOWLEDGED])
  })

  it('is explained by a call with an unknown outcome, which explains only one port', () => {
    const history = new History().allocate(1, 2, UNKNOWN).holds(0)
    expect(history.violations()).toEqual([])
    expect(history.holds(1).violations()).toEqual([UNACKNOWLEDGED])
  })

  it('is explained by a call whose process was killed', () => {
    expect(new History().cutOff('get', 1).holds(0).violations()).toEqual([])
  })

  it('is reported if it was released long after that call', () => {
    const history = new History().allocate(1, 2, UNKNOWN).release(40, 41).holds(0)
    expect(history.violations()).toEqual([UNACKNOWLEDGED])
  })

  it('is reported if a list shows it, even if it is gone at the end', () => {
    const gone = (history: History) => history.list(3, 4, { 0: 'api' }).release(5, 6).violations()
    expect(gone(new History())).toEqual([UNACKNOWLEDGED])
    expect(gone(new History().get(1, 2, { error: 'BUSY' }))).toEqual([UNACKNOWLEDGED])
    expect(gone(new History().get(1, 2, UNKNOWN))).toEqual([])
    expect(gone(new History().get(1, 2, 0))).toEqual([])
  })

  it('is explained by a concurrent call that may be repeated after a release', () => {
    const seen = (asked: object) =>
      new History().allocate(1, 9, 1, asked).list(3, 4, { 0: 'api' }).release(5, 6).holds(1)
    expect(seen(key).violations()).toEqual([])
    expect(seen({}).violations()).toEqual([UNACKNOWLEDGED])
  })

  it('is explained by an attempt without a reply that takes effect after the reply to the next one', () => {
    const late = (answer: ReturnType<typeof repeated>) =>
      new History().get(1, 2, answer).release(3, 4).holds(1).tableAt(6)
    expect(late(repeated(0)).violations()).toEqual([])
    expect(late({ ok: 20_000 }).violations()).toEqual([UNACKNOWLEDGED])
  })

  it('is reported if a list shows it after its release', () => {
    const history = new History().get(1, 2, 0).release(3, 4).list(5, 6, { 0: 'api' })
    expect(history.violations()).toEqual([UNACKNOWLEDGED])
  })

  it('is not reported if getOrAllocate returns it', () => {
    const history = new History().cutOff('get', 1).holds(0)
    const resolve = (it: History) =>
      it.get(2_000, 2_001, 0, {}, 'resolver').release(2_002, 2_003, { ok: true }, { port: 20_000 })
    expect(history.violationsAfterResolving(resolve)).toEqual([])
  })

  it('is reported if getOrAllocate returns another port or does not reply', () => {
    const other = new History().cutOff('get', 1).holds(0)
    expect(
      other.violationsAfterResolving((it) => void it.get(2_000, 2_001, 1, {}, 'resolver')),
    ).toContain(UNACKNOWLEDGED)
    const silent = new History().cutOff('get', 1)
    expect(
      silent.violationsAfterResolving(
        (it) => void it.get(2_000, 2_001, { error: 'BUSY' }, {}, 'resolver'),
      ),
    ).toEqual([UNACKNOWLEDGED])
  })
})

describe('a number', () => {
  it('outside the range is reported in a reply, a list and the table', () => {
    expect(new History().get(1, 2, 12).holds(12).violations()).toEqual([OUTSIDE])
    expect(new History().get(1, 2, 12).list(3, 4, { 12: 'api' }).holds(12).violations()).toEqual([
      OUTSIDE,
    ])
    expect(new History().cutOff('get', 1).holds(12).violations()).toEqual([OUTSIDE])
  })

  it('at the end of the range is not reported', () => {
    expect(new History().get(1, 2, 11).holds(11).violations()).toEqual([])
  })
})

describe('RANGE_EXHAUSTED', () => {
  /** Holds all twelve numbers except the last, each with a separate service. */
  function nearlyFull() {
    const history = new History()
    for (let port = 0; port < 11; port++) {
      history.get(1 + port, 1.5 + port, port, { service: `s${port}` })
      history.holds(port, { service: `s${port}` })
    }
    return history
  }

  it('is wrong while a number is free', () => {
    expect(nearlyFull().get(20, 21, EXHAUSTED).violations()).toEqual([FULL])
  })

  it('is correct if all numbers are held', () => {
    const history = nearlyFull().get(15, 16, 11).holds(11)
    expect(history.get(20, 21, EXHAUSTED, web).violations()).toEqual([])
  })

  it('is wrong if the caller holds a port that get or the key must return', () => {
    const full = () => nearlyFull().allocate(15, 16, 11, key).holds(11)
    expect(full().get(20, 21, EXHAUSTED).violations()).toEqual([FULL])
    expect(full().allocate(20, 21, EXHAUSTED, key).violations()).toEqual([FULL])
    expect(full().allocate(20, 21, EXHAUSTED).violations()).toEqual([])
    expect(full().allocate(20, 21, EXHAUSTED, { key: 'another' }).violations()).toEqual([])
  })

  it('may be correct while the last number is being taken or released', () => {
    const taken = nearlyFull().get(15, 25, 11).holds(11).get(20, 21, EXHAUSTED, web)
    expect(taken.violations()).toEqual([])
    const given = nearlyFull().get(15, 16, 11).release(18, 25).get(20, 21, EXHAUSTED, web)
    expect(given.violations()).toEqual([])
  })

  it('is wrong after the last number was released', () => {
    const history = nearlyFull().get(15, 16, 11).release(17, 18)
    expect(history.get(20, 21, EXHAUSTED, web).violations()).toEqual([FULL])
  })

  it('is wrong if there was no moment at which all numbers were held', () => {
    const once = nearlyFull().release(18, 22.5, { ok: true }, { service: 's0' })
    once.get(22, 23, 11).holds(11).get(26, 27, 0, { service: 's0' })
    expect(once.get(20, 25, EXHAUSTED, web).violations()).toEqual([])
    const never = nearlyFull().release(18, 19, { ok: true }, { service: 's0' })
    never.get(22, 23, 11).holds(11).get(26, 27, 0, { service: 's0' })
    expect(never.get(20, 25, EXHAUSTED, web).violations()).toEqual([FULL])
  })

  it('may be correct if a call with an unknown outcome may hold the last number', () => {
    const history = nearlyFull().cutOff('get', 15, { service: 'x' }, 'w9', 16)
    expect(history.get(20, 21, EXHAUSTED, web).violations()).toEqual([])
  })

  it('is wrong if the number that this call may hold was released long after it', () => {
    const history = nearlyFull().cutOff('get', 15, { service: 'x' }, 'w9', 16)
    history.release(50, 51, { ok: false }, { service: 'x' })
    expect(history.get(60, 61, EXHAUSTED, web).violations()).toEqual([FULL])
  })

  it('may be correct if that number was released too early to be certain', () => {
    const history = nearlyFull().cutOff('get', 15, { service: 'x' }, 'w9', 16)
    history.release(20, 21, { ok: false }, { service: 'x' })
    expect(history.get(60, 61, EXHAUSTED, web).violations()).toEqual([])
  })
})

describe('a service', () => {
  it('that gets a second port while it has one is reported', () => {
    const history = new History().get(1, 2, 0).get(3, 4, 1).holds(0).holds(1)
    expect(history.violations()).toEqual([SECOND])
  })

  it('that two callers at once get two ports is reported', () => {
    const history = new History().get(1, 4, 0).get(2, 3, 1).holds(0).holds(1)
    expect(history.violations()).toEqual([SECOND])
  })

  it('that gets another port after or during a release is not reported', () => {
    const after = new History().get(1, 2, 0).release(3, 4).get(5, 6, 1).holds(1)
    expect(after.violations()).toEqual([])
    const during = new History().get(1, 2, 0).release(3, 9).get(4, 5, 1).holds(1)
    expect(during.violations()).toEqual([])
  })

  it('gets a port by each allocate, and get returns the oldest', () => {
    const both = () => new History().allocate(1, 2, 0).allocate(3, 4, 1).holds(0).holds(1)
    expect(both().get(5, 6, 0).violations()).toEqual([])
    expect(both().get(5, 6, 1).violations()).toEqual([SECOND])
  })

  it('may get any of the ports that may be the oldest', () => {
    const atOnce = new History().allocate(1, 4, 0).allocate(2, 3, 1).get(5, 6, 1)
    expect(atOnce.holds(0).holds(1).violations()).toEqual([])
    const remade = new History().allocate(1, 2, 0).allocate(3, 4, 1).get(5, 8, 1)
    remade.release(6, 7, { ok: true }, { port: 20_000 })
    expect(remade.holds(1).violations()).toEqual([])
  })

  it('that holds a port and gets one that no allocate returned is reported', () => {
    const history = new History().allocate(1, 2, 0).get(3, 4, 1).holds(0).holds(1)
    expect(history.violations()).toEqual([SECOND])
  })

  it('that gets a port of an allocate with an unknown outcome is not reported', () => {
    const history = new History().allocate(0, 1, UNKNOWN).allocate(2, 3, 0).get(4, 5, 1)
    expect(history.holds(0).holds(1).violations()).toEqual([])
  })

  it('that gets another port long after the release of that port is reported', () => {
    const history = new History().allocate(0, 1, UNKNOWN).release(40, 41)
    history.allocate(42, 43, 0).get(44, 45, 1)
    expect(history.holds(0).holds(1).violations()).toEqual([SECOND])
  })

  it('that gets a second port under one key is reported', () => {
    const history = new History().allocate(1, 2, 0, key).allocate(3, 4, 1, key)
    expect(history.holds(0).holds(1).violations()).toEqual([SECOND])
    const atOnce = new History().allocate(1, 4, 0, key).allocate(2, 3, 1, key)
    expect(atOnce.holds(0).holds(1).violations()).toEqual([SECOND])
  })

  it('that gets another port under the same key after a release is not reported', () => {
    const history = new History().allocate(1, 2, 0, key).release(3, 4).allocate(5, 6, 1, key)
    expect(history.holds(1).violations()).toEqual([])
  })
})

describe('a claim', () => {
  it('is not refused with PORT_TAKEN if no service can have held the number', () => {
    const taken = { error: 'PORT_TAKEN' }
    expect(new History().claim(1, 2, 3, taken).violations()).toEqual(['false PORT_TAKEN'])
    const held = () => new History().get(1, 2, 3, web)
    expect(held().claim(3, 4, 3, taken).holds(3, web).violations()).toEqual([])
    expect(held().release(3, 4, { ok: true }, web).claim(5, 6, 3, taken).violations()).toEqual([
      'false PORT_TAKEN',
    ])
    expect(held().release(3, 6, { ok: true }, web).claim(5, 7, 3, taken).violations()).toEqual([])
  })

  it('that gets a number of another service is reported', () => {
    const history = new History().get(1, 2, 3, web).claim(3, 4, 3).holds(3)
    expect(history.violations()).toContain(TWO)
  })

  it('that returns another number than the requested one is reported', () => {
    expect(new History().claim(1, 2, 3, 4).holds(4).violations()).toContain(RAW)
  })

  it('adds a number to the numbers of a service', () => {
    expect(new History().claim(1, 2, 3).claim(3, 4, 5).holds(3).holds(5).violations()).toEqual([])
  })

  it('that is lost is reported', () => {
    expect(new History().claim(1, 2, 3).violations()).toEqual([LOST])
  })
})

describe('an error', () => {
  it('that is no error of the registry is reported', () => {
    expect(new History().get(1, 2, { error: 'RAW', text: 'oops' }).violations()).toEqual([RAW])
  })

  it('that the call cannot return is reported', () => {
    expect(new History().release(1, 2, { error: 'PORT_TAKEN' }).violations()).toEqual([RAW])
    expect(new History().get(1, 2, { error: 'DATABASE_NOT_MIGRATED' }).violations()).toEqual([RAW])
  })

  it('is also reported for a reply that has no result', () => {
    expect(new History().get(1, 2, { ok: undefined }).violations()).toEqual([RAW])
  })

  it('that names a deadlock is reported', () => {
    const told = { error: 'BUSY', text: 'Others hold what this call needs (deadlock detected).' }
    expect(new History().get(1, 2, told).violations()).toEqual([DEADLOCK])
  })

  it('that faults explain is not reported', () => {
    const history = new History()
      .get(1, 2, { error: 'BUSY' })
      .get(3, 4, { error: 'DATABASE_UNAVAILABLE' })
      .get(5, 6, UNKNOWN)
    expect(history.violations()).toEqual([])
  })
})

describe('a call', () => {
  it('that takes longer than the timeouts of the registry is reported', () => {
    expect(new History().release(1, 100).violations()).toEqual([ENDLESS])
    expect(new History().release(1, 80).violations()).toEqual([])
  })

  it('that had no reply for that long when its process was killed is reported as well', () => {
    expect(new History().cutOff('release', 1, {}, 'w9', 100).violations()).toEqual([ENDLESS])
    expect(new History().cutOff('release', 1, {}, 'w9', 80).violations()).toEqual([])
  })
})

describe('an instance', () => {
  const copy = { instance: 'copy' }

  it('of a service has ports of its own', () => {
    const history = new History().get(1, 2, 0).get(3, 4, 1, copy).holds(0).holds(1, copy)
    expect(history.violations()).toEqual([])
  })

  it('that gets the port of the primary instance is reported', () => {
    const history = new History().get(1, 2, 0).get(3, 4, 0, copy).holds(0)
    expect(history.violations()).toContain(TWO)
  })

  it('does not release the ports of the primary instance', () => {
    const history = new History().get(1, 2, 0).release(3, 4, { ok: true }, copy)
    expect(history.violations()).toEqual([LOST])
  })
})

describe('the events', () => {
  /** `w0#0` gets port 0, which is allocation 7. */
  const gotten = () => new History().get(1, 2, 0).event('allocated', 0, 7)
  const held = { allocation: 7 }
  const byNext = { actor: 'w0#1' }

  it('of a get, a second get and a release agree', () => {
    const history = gotten().get(3, 4, 0).releaseOf([0], 5, 6)
    history.event('released', 0, 7, { actor: 'w0#2' })
    expect(history.violationsWithEvents()).toEqual([])
  })

  it('are reported if the port of a get or an allocate is missing', () => {
    expect(new History().get(1, 2, 0).holds(0, held).violationsWithEvents()).toEqual([
      WITHOUT_EVENT,
    ])
    const second = gotten().allocate(3, 4, 1).holds(0, held).holds(1, { allocation: 8 })
    expect(second.violationsWithEvents()).toEqual([WITHOUT_EVENT])
  })

  it('are reported if the port of a get is missing because it was released before', () => {
    const history = gotten().releaseOf([0], 3, 4).event('released', 0, 7, byNext).get(5, 6, 0)
    expect(history.violationsWithEvents()).toContain(WITHOUT_EVENT)
  })

  it('are reported if a release is missing', () => {
    expect(gotten().releaseOf([0], 3, 4).violationsWithEvents()).toEqual([WITHOUT_EVENT])
  })

  it('are reported if the release between two holdings of a number is missing', () => {
    const history = gotten().release(3, 4).get(5, 6, 0)
    history.event('allocated', 0, 8, { actor: 'w0#2' }).holds(0, { allocation: 8 })
    expect(history.violationsWithEvents()).toEqual([WITHOUT_EVENT])
  })

  it('are reported if a port of the table is missing', () => {
    const history = gotten()
      .cutOff('get', 3, web)
      .holds(0, held)
      .holds(1, { ...web, allocation: 8 })
    expect(history.violationsWithEvents()).toEqual([WITHOUT_EVENT])
  })

  it('are reported if an allocation is neither released nor in the table', () => {
    const history = gotten().cutOff('release', 3)
    expect(history.violationsWithEvents()).toEqual([WITHOUT_EVENT])
    expect(history.event('released', 0, 7, { actor: 'w9#0' }).violationsWithEvents()).toEqual([])
  })

  it('are reported if an allocation or its release is there twice', () => {
    expect(gotten().event('allocated', 0, 7).holds(0, held).violationsWithEvents()).toContain(
      WITHOUT_CHANGE,
    )
    const released = gotten().releaseOf([0], 3, 4).event('released', 0, 7, byNext)
    expect(released.event('released', 0, 7, byNext).violationsWithEvents()).toEqual([
      WITHOUT_CHANGE,
    ])
  })

  it('are reported if they have a release of a port that is still held', () => {
    const history = gotten().release(3, 4, UNKNOWN).event('released', 0, 7, byNext).holds(0, held)
    expect(history.violationsWithEvents()).toEqual([WITHOUT_CHANGE])
  })

  it('are reported if the actor is missing or requested something else', () => {
    const by = (actor: string) =>
      gotten()
        .get(3, 4, 1, web)
        .event('allocated', 1, 8, { ...web, actor })
        .holds(0, held)
    const all = (actor: string) =>
      by(actor)
        .holds(1, { ...web, allocation: 8 })
        .violationsWithEvents()
    expect(all('w0#1')).toEqual([])
    expect(all('somebody')).toContain(WITHOUT_CHANGE)
    expect(all('w0#0')).toContain(WITHOUT_CHANGE)
  })

  it('are reported if they have a change of a refused call', () => {
    for (const error of ['BUSY', 'DATABASE_UNAVAILABLE', 'RANGE_EXHAUSTED']) {
      const refused = new History().cutOff('get', 0).get(1, 2, { error }, {}, 'w0')
      refused.event('allocated', 0, 7).holds(0, held)
      expect(refused.violationsWithEvents()).toContain(WITHOUT_CHANGE)
    }
    const kept = gotten().release(3, 4, { error: 'BUSY' }).event('released', 0, 7, byNext)
    expect(kept.violationsWithEvents()).toContain(WITHOUT_CHANGE)
  })

  it('may or may not have the change of a call with an unknown outcome', () => {
    const did = new History().get(1, 2, UNKNOWN).event('allocated', 0, 7).holds(0, held)
    expect(did.violationsWithEvents()).toEqual([])
    expect(new History().get(1, 2, UNKNOWN).violationsWithEvents()).toEqual([])
  })

  it('may have two attempts of a repeated get if the port of the first was released', () => {
    const of = (answer: ReturnType<typeof repeated>) => {
      const history = new History().get(1, 2, answer).cutOff('release', 1.5)
      return history.event('allocated', 0, 7).holds(1, { allocation: 8 })
    }
    const released = (history: History) =>
      history.event('released', 0, 7, { actor: 'w9#0' }).event('allocated', 1, 8)
    expect(released(of(repeated(1))).violationsWithEvents()).toEqual([])
    expect(released(of({ ok: 20_001 })).violationsWithEvents()).toEqual([WITHOUT_CHANGE])
    const both = of(repeated(1)).holds(0, held).event('allocated', 1, 8)
    expect(both.violationsWithEvents()).toContain(WITHOUT_CHANGE)
  })

  it('are reported if they have more releases than the reply', () => {
    const history = gotten().allocate(3, 4, 1).event('allocated', 1, 8, byNext).releaseOf([0], 5, 6)
    const one = { actor: 'w0#2', transaction: '9' }
    history.event('released', 0, 7, one).event('released', 1, 8, one)
    expect(history.violationsWithEvents()).toEqual([WITHOUT_CHANGE])
  })

  it('may have the releases of an attempt whose reply was lost', () => {
    const nothing = (lost: boolean) =>
      gotten().releaseOf([], 3, 4, lost).event('released', 0, 7, byNext)
    expect(nothing(true).violationsWithEvents()).toEqual([])
    expect(nothing(false).violationsWithEvents()).toEqual([WITHOUT_CHANGE])
  })

  it('have one change for each holding that an update changed', () => {
    const updated = () => gotten().update(3, 4).holds(0, held)
    expect(updated().violationsWithEvents()).toEqual([WITHOUT_EVENT])
    const once = updated().event('updated', 0, 7, byNext)
    expect(once.violationsWithEvents()).toEqual([])
    expect(once.event('updated', 0, 7, byNext).violationsWithEvents()).toEqual([WITHOUT_CHANGE])
  })

  it('are reported if the next holding of a number has a lower id', () => {
    const history = gotten().releaseOf([0], 3, 4).event('released', 0, 7, byNext).get(5, 6, 0)
    history.event('allocated', 0, 6, { actor: 'w0#2' }).holds(0, { allocation: 6 })
    expect(history.violationsWithEvents()).toEqual([WITHOUT_CHANGE])
  })
})

describe('a call of one project', () => {
  const call = (from: number, until: number) => new History().get(from, until, 0).holds(0)

  it('that waits while only another project is stuck is reported', () => {
    expect(call(11, 13.5).stuck(10, 20, 'large').violations()).toEqual([WAITED_FOR_UNRELATED])
    expect(call(11, 13.5).stuck(10, 20).violations()).toEqual([WAITED_FOR_UNRELATED])
  })

  it('that waits for its own project, or only briefly, is not reported', () => {
    expect(call(11, 13.5).stuck(10, 20, 'small').violations()).toEqual([])
    expect(call(11, 12.9).stuck(10, 20, 'large').violations()).toEqual([])
    expect(call(1, 11).stuck(10, 20, 'large').violations()).toEqual([])
  })

  it('that takes as long as a call just before is not reported', () => {
    const slow = () => new History().get(8.6, 9.9, 0).get(11, 13.5, 0).holds(0)
    expect(slow().stuck(10, 20, 'large').violations()).toEqual([])
    expect(slow().get(14, 17, 0).stuck(10, 20, 'large').violations()).toEqual([
      WAITED_FOR_UNRELATED,
    ])
  })
})
