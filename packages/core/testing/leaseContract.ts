import { beforeEach, describe, expect, it } from 'vitest'
import {
  api,
  atOnce,
  ISO_8601,
  livePorts,
  numbers,
  type PassTime,
  type Store,
  shopRange,
  web,
} from './shop.js'

const SCOPE = { hostname: 'localhost', protocol: 'tcp' } as const
const MINUTE = 60
/** More than a call takes. */
const LEEWAY_MS = 30_000

export function describeLeases(store: Store, passTime: PassTime) {
  const only = async () => (await store().list({})).allocations[0]
  const secondsLeft = async () => {
    const { leaseEndsAt } = (await only()) ?? {}
    if (!leaseEndsAt) throw new Error('nothing with a lease is held')
    return Math.round((leaseEndsAt.getTime() - Date.now()) / 1000)
  }
  const eventsOf = async (what: string) =>
    (await store().history({ limit: 100 })).events.filter((event) => event.what === what)

  describe('a lease', () => {
    beforeEach(async () => {
      await store().createRange(shopRange(3000, 3009))
    })

    const WAYS = {
      ensure: async (ttlSeconds: number) =>
        (await store().ensure({ ...web, ttlSeconds })).portNumber,
      getOrAllocate: (ttlSeconds: number) => store().getOrAllocate({ ...web, ttlSeconds }),
      allocate: (ttlSeconds: number) => store().allocate({ ...web, ttlSeconds }),
      claim: async (ttlSeconds: number) => {
        await store().claim({ ...web, portNumber: 3000, ttlSeconds })
        return 3000
      },
      'allocate with a key': (ttlSeconds: number) =>
        store().allocate({ ...web, ttlSeconds, idempotencyKey: 'k' }),
      allocateMany: async (ttlSeconds: number) =>
        (await store().allocateMany({ ...web, ttlSeconds, count: 1, contiguous: false }))[0],
      ensureMany: async (ttlSeconds: number) => {
        const { projectName, instance, hostname } = web
        const item = {
          serviceName: 'web',
          protocols: ['tcp'],
          count: 1,
          contiguous: false,
        } as const
        const request = { projectName, instance, hostname, ttlSeconds, items: [item] }
        return (await store().ensureMany(request)).allocations[0]?.portNumber
      },
    }

    it.each(Object.entries(WAYS))('is given by %s, and ends', async (_, give) => {
      expect(await give(10 * MINUTE)).toBe(3000)
      expect(Math.abs((await secondsLeft()) - 10 * MINUTE) * 1000).toBeLessThan(LEEWAY_MS)
      await passTime(9 * MINUTE)
      expect(await livePorts(store)).toEqual([3000])
      await passTime(MINUTE)
      expect(await livePorts(store)).toEqual([])
      expect(await store().find(web)).toBeUndefined()
      expect(await store().getOrAllocate(api)).toBe(3000)
    })

    it.each(Object.entries(WAYS))('is in the event of %s', async (_, give) => {
      await give(10 * MINUTE)
      const [allocated] = await eventsOf('allocated')
      expect(allocated?.after).toEqual({ leaseEndsAt: (await only())!.leaseEndsAt!.toISOString() })
    })

    it('is in the event beside the metadata, and in that of a move', async () => {
      await store().ensure({ ...web, ttlSeconds: MINUTE, description: 'the shop' })
      await store().move({ ...web, portNumber: 3005 })
      const after = {
        description: 'the shop',
        leaseEndsAt: (await only())!.leaseEndsAt!.toISOString(),
      }
      expect(await eventsOf('allocated')).toMatchObject([{ after }, { after }])
    })

    it.each(['ensure', 'getOrAllocate', 'ensureMany', 'claim'] as const)(
      'is renewed by %s',
      async (method) => {
        await store().ensure({ ...web, ttlSeconds: MINUTE })
        const { id } = (await only())!
        expect(await WAYS[method](10 * MINUTE)).toBe(3000)
        expect(await secondsLeft()).toBeGreaterThan(9 * MINUTE)
        expect((await only())?.id).toBe(id)
      },
    )

    it('stays as it is if the port is asked for without one', async () => {
      await store().ensure({ ...web, ttlSeconds: 10 * MINUTE })
      await passTime(5 * MINUTE)
      expect(await store().getOrAllocate(web)).toBe(3000)
      expect(await secondsLeft()).toBeLessThan(6 * MINUTE)
      await store().ensure({ ...web, description: 'the shop' })
      await store().claim({ ...web, portNumber: 3000 })
      expect(await secondsLeft()).toBeLessThan(6 * MINUTE)
    })

    it('is refused for a port that is held without one', async () => {
      await store().getOrAllocate(web)
      for (const give of [WAYS.ensure, WAYS.getOrAllocate, WAYS.ensureMany, WAYS.claim]) {
        await expect(give(MINUTE)).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
          details: { field: 'ttlSeconds' },
        })
      }
      expect(await only()).not.toHaveProperty('leaseEndsAt')
    })

    it('that has ended leaves one event, dated at its end', async () => {
      await store().ensure({ ...web, ttlSeconds: 10 * MINUTE }, { actor: 'ann' })
      const { id, leaseEndsAt } = (await only())!
      await passTime(15 * MINUTE)
      expect(await eventsOf('lease-ended')).toEqual([])
      await store().getOrAllocate(api)
      await store().allocate(api)
      const ended = await eventsOf('lease-ended')
      expect(ended).toMatchObject([
        { projectName: 'shop', serviceName: 'web', portNumber: 3000, allocationId: id },
      ])
      const expected = leaseEndsAt!.getTime() - 15 * MINUTE * 1000
      expect(Math.abs(ended[0]!.at.getTime() - expected)).toBeLessThan(1000)
      expect(await eventsOf('released')).toEqual([])
    })

    it('that has ended gives the service a new holding, with a higher id', async () => {
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      const first = (await only())!
      await passTime(MINUTE)
      expect(await store().ensure({ ...web, ttlSeconds: MINUTE })).toMatchObject({
        portNumber: 3000,
        created: true,
      })
      expect(Number((await only())?.id)).toBeGreaterThan(Number(first.id))
    })

    it('that has ended frees its idempotency key', async () => {
      const request = { ...web, idempotencyKey: 'k', ttlSeconds: MINUTE }
      await store().allocate(request)
      await passTime(MINUTE)
      await store().claim({ ...api, portNumber: 3000 })
      expect(await store().allocate(request)).toBe(3001)
    })

    it('that has ended is available for a claim and a move', async () => {
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      const { leaseEndsAt } = (await only())!
      await store().claim({ ...api, portNumber: 3001 })
      await expect(store().claim({ ...api, portNumber: 3000 })).rejects.toMatchObject({
        code: 'PORT_TAKEN',
        message: expect.stringContaining('with a lease until'),
        details: {
          allocatedAt: expect.stringMatching(ISO_8601),
          leaseEndsAt: leaseEndsAt!.toISOString(),
          restsUntil: null,
        },
      })
      await passTime(MINUTE)
      expect(await store().move({ ...api, portNumber: 3000 })).toMatchObject({ moved: true })
      expect(await livePorts(store)).toEqual([3000])
    })

    it('is renewed by a claim that makes the number the one to return', async () => {
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      await store().allocate({ ...web, ttlSeconds: MINUTE })
      await store().claim({ ...web, portNumber: 3001, ttlSeconds: 10 * MINUTE })
      expect(await store().find(web)).toBe(3001)
      await passTime(MINUTE)
      expect(await livePorts(store)).toEqual([3001])
    })

    it('that has ended is given again by a claim', async () => {
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      await passTime(MINUTE)
      const claim = { ...web, portNumber: 3000, ttlSeconds: MINUTE }
      expect(await store().claim(claim)).toBe(true)
      expect(await store().claim(claim)).toBe(false)
      await passTime(MINUTE)
      expect(await livePorts(store)).toEqual([])
    })

    it('that has ended can be claimed by the service itself', async () => {
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      await passTime(MINUTE)
      expect(await store().claim({ ...web, portNumber: 3000 })).toBe(true)
      expect(await only()).not.toHaveProperty('leaseEndsAt')
    })

    it('that has ended is not held in summaries, and does not keep a range from being removed', async () => {
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      await passTime(MINUTE)
      expect(await store().summarize('shop', SCOPE, [])).toMatchObject({
        availablePorts: 10,
        allocatableNow: 10,
      })
      await store().deleteRange('shop')
    })

    it('that has ended is not updated and not released', async () => {
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      await passTime(MINUTE)
      expect(await store().update(web, { description: 'late' })).toBe(false)
      expect(await store().release(web)).toEqual([])
      expect(await eventsOf('released')).toEqual([])
    })

    it('that ends is followed by the rest of the project, counted from its end', async () => {
      await store().setRest('shop', 10 * MINUTE)
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      await passTime(6 * MINUTE)
      expect(await store().summarize('shop', SCOPE, [])).toMatchObject({
        availablePorts: 10,
        restingPorts: 1,
        allocatableNow: 9,
      })
      expect(await store().getOrAllocate(api)).toBe(3001)
      expect(await store().getOrAllocate(web)).toBe(3000)
      await store().release(web)
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      await passTime(11 * MINUTE)
      expect(await store().allocate(api)).toBe(3000)
    })

    it('goes along with a move', async () => {
      await store().ensure({ ...web, ttlSeconds: 10 * MINUTE })
      await store().move({ ...web, portNumber: 3005 })
      expect(await only()).toMatchObject({ portNumber: 3005, leaseEndsAt: expect.any(Date) })
    })

    it('is in a dump, and holds after the load', async () => {
      await store().ensure({ ...web, ttlSeconds: 10 * MINUTE })
      await store().allocate({ ...web, ttlSeconds: MINUTE })
      await passTime(MINUTE)
      const content = await store().dump()
      expect(content.allocations).toMatchObject([
        { portNumber: 3000, leaseEndsAt: expect.stringMatching(/^20/) },
      ])
      await store().release(web)
      await store().deleteRange('shop')
      const envelope = { format: 'ports-registry', version: 1 } as const
      await store().load({ ...envelope, takenAt: new Date().toISOString(), ...content })
      expect(await livePorts(store)).toEqual([3000])
      await passTime(9 * MINUTE)
      expect(await livePorts(store)).toEqual([])
    })

    it('that has ended goes to one of the services that ask at once', async () => {
      await store().resizeRange('shop', { startPort: 3000, endPort: 3000 })
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      await passTime(MINUTE)
      const { ports, errors } = await atOnce(20, (nth) =>
        store().getOrAllocate({ ...web, serviceName: `s${nth}` }),
      )
      expect(ports).toEqual([3000])
      for (const error of errors) expect(error).toMatchObject({ code: 'RANGE_EXHAUSTED' })
      expect(await eventsOf('lease-ended')).toHaveLength(1)
    })

    it('that has ended gives one port to a service that asks twenty times at once', async () => {
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      await passTime(MINUTE)
      const { ports } = await atOnce(20, () =>
        store().getOrAllocate({ ...web, ttlSeconds: MINUTE }),
      )
      expect(ports).toEqual(Array.from({ length: 20 }, () => 3000))
      expect(await livePorts(store)).toEqual([3000])
    })
  })

  describe('renew', () => {
    beforeEach(async () => {
      await store().createRange(shopRange(3000, 3009))
    })

    it('lets the leases of a service end later, and returns them', async () => {
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      await store().allocate({ ...web, ttlSeconds: MINUTE })
      await store().allocate(web)
      const renewed = await store().renew({ ...web, ttlSeconds: 10 * MINUTE })
      expect(renewed).toMatchObject([
        {
          id: expect.any(String),
          portNumber: 3000,
          protocol: 'tcp',
          leaseEndsAt: expect.any(Date),
        },
        { portNumber: 3001 },
      ])
      await passTime(9 * MINUTE)
      expect(await livePorts(store)).toEqual(numbers(3000, 3002))
    })

    it('is limited to one number or one holding', async () => {
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      await store().allocate({ ...web, ttlSeconds: MINUTE })
      const { allocations } = await store().list({})
      const { id: allocationId } = allocations[1]!
      await store().renew({ ...web, ttlSeconds: 10 * MINUTE, portNumber: 3000 })
      await store().renew({ ...web, ttlSeconds: 10 * MINUTE, allocationId })
      await passTime(9 * MINUTE)
      expect(await livePorts(store)).toEqual([3000, 3001])
    })

    it('refuses what has ended, by name and by id, also when the number is held again', async () => {
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      const { id: allocationId } = (await only())!
      await passTime(MINUTE)
      const lost = { code: 'LEASE_LOST', details: { serviceName: 'web', hostname: 'localhost' } }
      await expect(store().renew({ ...web, ttlSeconds: MINUTE })).rejects.toMatchObject(lost)
      await store().ensure({ ...web, ttlSeconds: MINUTE })
      await expect(
        store().renew({ ...web, ttlSeconds: MINUTE, allocationId }),
      ).rejects.toMatchObject({ code: 'LEASE_LOST', details: { allocationId } })
      await expect(store().release({ ...web, allocationId })).rejects.toMatchObject({
        code: 'LEASE_LOST',
        details: { allocationId },
      })
      expect(await livePorts(store)).toEqual([3000])
    })

    it('refuses a port that is held without a lease', async () => {
      await store().getOrAllocate(web)
      await expect(store().renew({ ...web, ttlSeconds: MINUTE })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        details: { field: 'ttlSeconds' },
      })
    })

    it('refuses an unknown project', async () => {
      const request = { ...web, projectName: 'nothing', ttlSeconds: MINUTE }
      await expect(store().renew(request)).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' })
    })
  })

  describe('release by id', () => {
    it('releases that holding alone', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().getOrAllocate(web)
      await store().allocate(web)
      const { id: allocationId } = (await only())!
      expect(await store().release({ ...web, allocationId })).toEqual([
        { portNumber: 3000, protocol: 'tcp' },
      ])
      expect(await livePorts(store)).toEqual([3001])
    })
  })
}
