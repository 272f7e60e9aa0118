import { beforeEach, describe, expect, it } from 'vitest'
import {
  api,
  ISO_8601,
  livePorts,
  numbers,
  type PassTime,
  type Store,
  shopRange,
  web,
} from './shop.js'

const SCOPE = { hostname: 'localhost', protocol: 'tcp' } as const
const HOUR = 3_600

export function describeRests(store: Store, passTime: PassTime) {
  const summary = () => store().summarize('shop', SCOPE, [])
  const eventsOf = async (what: string) =>
    (await store().history({ limit: 100 })).events.filter((event) => event.what === what)

  describe('setRest', () => {
    beforeEach(async () => {
      await store().createRange(shopRange(3000, 3009))
    })

    it('returns the length before, and writes one event for a change', async () => {
      expect(await store().setRest('shop', HOUR, { actor: 'ann' })).toBe(0)
      expect(await store().setRest('shop', HOUR)).toBe(HOUR)
      expect(await store().setRest('shop', 0)).toBe(HOUR)
      expect(await eventsOf('rest-changed')).toMatchObject([
        { before: { restSeconds: HOUR }, after: { restSeconds: 0 } },
        { actor: 'ann', projectName: 'shop', before: { restSeconds: 0 } },
      ])
    })

    it('is refused for an unknown project', async () => {
      await expect(store().setRest('nothing', HOUR)).rejects.toMatchObject({
        code: 'PROJECT_NOT_FOUND',
      })
    })

    it('is in the summary', async () => {
      expect(await summary()).toMatchObject({ restSeconds: 0, restingPorts: 0 })
      await store().setRest('shop', 90)
      expect(await summary()).toMatchObject({ restSeconds: 90 })
    })

    it('shortens and lengthens rests that have begun', async () => {
      await store().setRest('shop', HOUR)
      await store().claim({ ...web, portNumber: 3000 })
      await store().claim({ ...api, portNumber: 3001 })
      await store().release(web)
      await store().setRest('shop', 2 * HOUR)
      await passTime(HOUR + 60)
      expect((await summary()).restingPorts).toBe(1)
      await store().setRest('shop', HOUR)
      expect((await summary()).restingPorts).toBe(0)
      expect(await store().getOrAllocate({ ...web, serviceName: 'other' })).toBe(3000)
    })
  })

  describe('setRest to 0', () => {
    it('ends all rests, also after the clock was set back', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().setRest('shop', HOUR)
      await store().claim({ ...web, portNumber: 3000 })
      await store().release(web)
      await passTime(-2 * HOUR)
      await store().setRest('shop', 0)
      expect(await store().listResting({ projectName: 'shop' })).toEqual([])
      expect(await store().getOrAllocate({ ...web, serviceName: 'other' })).toBe(3000)
    })
  })

  describe('a released number that rests', () => {
    const other = { ...web, serviceName: 'other' }

    beforeEach(async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().setRest('shop', HOUR)
      await store().claim({ ...web, portNumber: 3000 })
      await store().release(web)
    })

    const AUTOMATIC = {
      getOrAllocate: async () => [await store().getOrAllocate(other)],
      ensure: async () => [(await store().ensure(other)).portNumber],
      'ensure with it as the preferred number': async () => [
        (await store().ensure({ ...other, preferredPort: 3000 })).portNumber,
      ],
      allocate: async () => [await store().allocate(other)],
      allocateMany: () => store().allocateMany({ ...other, count: 2, contiguous: false }),
      ensureMany: async () => {
        const { projectName, instance, hostname } = other
        const item = {
          serviceName: 'other',
          protocols: ['tcp'],
          count: 2,
          contiguous: true,
        } as const
        const batch = await store().ensureMany({ projectName, instance, hostname, items: [item] })
        return batch.allocations.map(({ portNumber }) => portNumber)
      },
    }

    it.each(Object.entries(AUTOMATIC))('is not given to another service by %s', async (_, give) => {
      const given = await give()
      expect(given).toEqual(numbers(3001, 3000 + given.length))
    })

    it.each(Object.entries(AUTOMATIC))('is given to anybody afterwards by %s', async (_, give) => {
      await passTime(HOUR)
      const given = await give()
      expect(given).toEqual(numbers(3000, 2999 + given.length))
    })

    it('is not given to another instance of the service earlier', async () => {
      expect(await store().getOrAllocate({ ...web, instance: 'copy' })).toBe(3001)
    })

    it.each(['getOrAllocate', 'allocate'] as const)(
      'is given to the service that held it last, before lower ones, by %s',
      async (method) => {
        await store().claim({ ...web, portNumber: 3005 })
        await store().release({ ...web, portNumber: 3005 })
        await passTime(60)
        await store()
          .claim({ ...api, portNumber: 3000 })
          .catch(() => {})
        expect(await store()[method](web)).toBe(3000)
        expect(await store().allocate(web)).toBe(3005)
        expect(await store().allocate(web)).toBe(3001)
      },
    )

    it('is given to the service that held it last although it is to be avoided', async () => {
      const avoid = [{ startPort: 3000, endPort: 3003 }]
      expect(await store().getOrAllocate({ ...web, avoid })).toBe(3000)
    })

    it('is not given to the service that held it last while it is reserved', async () => {
      await store().reserve({ startPort: 3000, endPort: 3000, reason: 'migration' })
      expect(await store().getOrAllocate(web)).toBe(3001)
    })

    it('rests for a minute more if it is to be avoided at the end', async () => {
      await passTime(HOUR)
      const avoid = [{ startPort: 3000, endPort: 3000 }]
      expect(await store().getOrAllocate({ ...other, avoid })).toBe(3001)
      expect((await summary()).restingPorts).toBe(1)
      await passTime(60)
      expect(await store().allocate(other)).toBe(3000)
    })

    it('can be claimed by the service that held it last, and by another afterwards', async () => {
      await expect(store().claim({ ...other, portNumber: 3000 })).rejects.toMatchObject({
        code: 'PORT_TAKEN',
        message: expect.stringContaining(' rests on '),
        details: {
          serviceName: 'web',
          leaseEndsAt: null,
          restsUntil: expect.stringMatching(ISO_8601),
          nearest: [3001, 3002, 3003],
        },
      })
      expect(await store().claim({ ...web, portNumber: 3000 })).toBe(true)
      await store().release(web)
      await passTime(HOUR)
      expect(await store().claim({ ...other, portNumber: 3000 })).toBe(true)
    })

    it('is a target of moves only for the service that held it last', async () => {
      await store().claim({ ...other, portNumber: 3004 })
      await expect(store().move({ ...other, portNumber: 3000 })).rejects.toMatchObject({
        code: 'PORT_TAKEN',
      })
      await store().claim({ ...web, portNumber: 3005 })
      expect(await store().move({ ...web, portNumber: 3000 })).toMatchObject({ moved: true })
    })

    it('rests after a move as after a release', async () => {
      await store().claim({ ...other, portNumber: 3004 })
      await store().move({ ...other, portNumber: 3005 })
      expect((await summary()).restingPorts).toBe(2)
      await expect(store().claim({ ...api, portNumber: 3004 })).rejects.toMatchObject({
        details: { serviceName: 'other', restsUntil: expect.stringMatching(ISO_8601) },
      })
    })

    it('counts as available, but not as allocatable now', async () => {
      expect(await summary()).toMatchObject({
        availablePorts: 10,
        restingPorts: 1,
        allocatableNow: 9,
      })
      await passTime(HOUR)
      expect(await summary()).toMatchObject({ restingPorts: 0, allocatableNow: 10 })
    })

    it('is named to a service that gets a higher number', async () => {
      await store().claim({ ...api, portNumber: 3002 })
      await store().release(api)
      expect(await store().ensure(other)).toEqual({
        ...{ portNumber: 3001, created: true, passedOver: [], resting: [3000] },
      })
      expect(await store().ensure(other)).toMatchObject({ created: false, resting: [] })
      const { projectName, instance, hostname } = web
      const item = { serviceName: 'more', protocols: ['tcp'], count: 1, contiguous: false } as const
      const request = { projectName, instance, hostname, items: [item] }
      const avoid = { tcp: [{ startPort: 3003, endPort: 3003 }] }
      const given = await store().ensureMany({ ...request, avoid })
      expect(given.allocations).toMatchObject([{ portNumber: 3004 }])
      expect(given.passedOver).toEqual([{ portNumber: 3003, protocol: 'tcp' }])
      expect(given.resting).toEqual([
        { portNumber: 3000, protocol: 'tcp' },
        { portNumber: 3002, protocol: 'tcp' },
      ])
      expect((await store().ensureMany(request)).resting).toEqual([])
    })

    it('is listed with the service that held it last until the end of its rest', async () => {
      await store().claim({ ...api, hostname: 'nas', protocol: 'udp', portNumber: 3001 })
      await store().release({ ...api, hostname: 'nas', protocol: 'udp' })
      const restsUntil = expect.any(Date)
      const first = { ...web, portNumber: 3000, restsUntil }
      const second = { ...api, hostname: 'nas', protocol: 'udp', portNumber: 3001, restsUntil }
      expect(await store().listResting({})).toEqual([first, second])
      expect(await store().listResting({ projectName: 'shop' })).toEqual([first, second])
      expect(await store().listResting({ projectName: 'shop', hostname: 'nas' })).toEqual([second])
      expect(await store().listResting({ serviceName: 'web' })).toEqual([first])
      expect(await store().listResting({ portNumber: 3000 })).toEqual([first])
      expect(await store().listResting({ projectName: 'shop', portNumber: 3002 })).toEqual([])
      await passTime(HOUR)
      expect(await store().listResting({})).toEqual([])
    })

    it('is listed after a lease that has ended, and not before', async () => {
      await store().ensure({ ...api, ttlSeconds: 60 })
      expect(await store().listResting({ serviceName: 'api' })).toEqual([])
      const { leaseEndsAt } = (await store().list({})).allocations[0]!
      await passTime(61)
      const [resting] = await store().listResting({ serviceName: 'api' })
      expect(resting).toMatchObject({ ...api, portNumber: 3001 })
      const expected = leaseEndsAt!.getTime() + (HOUR - 61) * 1000
      expect(Math.abs(resting!.restsUntil.getTime() - expected)).toBeLessThan(1000)
    })

    it('is named by RANGE_EXHAUSTED with the time when it is available', async () => {
      await store().resizeRange('shop', { startPort: 3000, endPort: 3001 })
      await store().getOrAllocate(other)
      await expect(store().allocate(other)).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        message: expect.stringMatching(/are held \(1\) or resting \(1\) .* Wait until 20/),
        details: {
          resting: 1,
          reserved: 0,
          avoided: 0,
          restSeconds: HOUR,
          firstFreeAt: expect.stringMatching(ISO_8601),
        },
      })
      const request = { ...other, count: 2, contiguous: false }
      await expect(store().allocateMany(request)).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        message: expect.stringMatching(/1 more is resting\. .* wait until 20/),
        details: { firstFreeAt: expect.stringMatching(ISO_8601), restSeconds: HOUR },
      })
      await passTime(HOUR)
      expect(await store().allocate(other)).toBe(3000)
    })

    it('does not keep its range from being removed', async () => {
      await store().deleteRange('shop')
      await store().createRange(shopRange(3000, 3009))
      expect(await store().getOrAllocate(other)).toBe(3000)
    })

    it('above the numbers that were given so far is not given either', async () => {
      await store().claim({ ...api, portNumber: 3001 })
      await store().release(api)
      const count = 8
      const given = await store().allocateMany({ ...other, count, contiguous: false })
      expect(given).toEqual(numbers(3002, 3009))
      expect(await livePorts(store)).toEqual(numbers(3002, 3009))
    })

    it('is in a dump, and rests after the load', async () => {
      const content = await store().dump()
      expect(content.projects).toMatchObject([{ projectName: 'shop', restSeconds: HOUR }])
      expect(content.resting).toEqual([
        { ...web, portNumber: 3000, restsUntil: expect.stringMatching(/^20/) },
      ])
      await store().deleteRange('shop')
      await store().load({
        format: 'ports-registry',
        version: 1,
        takenAt: new Date().toISOString(),
        ...content,
      })
      expect(await summary()).toMatchObject({ restSeconds: HOUR, restingPorts: 1 })
      expect(await store().getOrAllocate(other)).toBe(3001)
      expect(await store().getOrAllocate(web)).toBe(3000)
    })

    it('is imported for the service that held it last only', async () => {
      const mode = { dryRun: false, skipConflicts: false }
      const [refused] = await store().importPorts([{ ...other, portNumber: 3000 }], mode)
      expect(refused).toMatchObject({
        outcome: 'conflict',
        conflict: { code: 'PORT_TAKEN', details: { restsUntil: expect.stringMatching(ISO_8601) } },
      })
      const [taken] = await store().importPorts([{ ...web, portNumber: 3000 }], mode)
      expect(taken).toMatchObject({ outcome: 'claimed' })
    })
  })
}
