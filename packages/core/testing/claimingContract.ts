import { describe, expect, it } from 'vitest'
import { api, atOnce, heldBy, livePorts, numbers, type Store, shopRange, web } from './shop.js'

const AVOIDED = [{ startPort: 3000, endPort: 3001 }]

export function describeClaiming(store: Store) {
  describe('claim', () => {
    it('gives the service that number, which getOrAllocate then returns', async () => {
      await store().createRange(shopRange(3000, 3009))
      expect(await store().getOrAllocate(web)).toBe(3000)
      expect(await store().claim({ ...web, portNumber: 3005 })).toBe(true)
      expect(await store().getOrAllocate(web)).toBe(3005)
      expect(await store().find(web)).toBe(3005)
      expect(await livePorts(store)).toEqual([3000, 3005])
    })

    it('prefers the number claimed last, then those claimed before, then the oldest', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().getOrAllocate(web)
      for (const portNumber of [3005, 3003, 3005]) await store().claim({ ...web, portNumber })
      for (const portNumber of [3005, 3003, 3000]) {
        expect(await store().getOrAllocate(web)).toBe(portNumber)
        await store().release({ ...web, portNumber })
      }
      expect(await store().find(web)).toBeUndefined()
    })

    it('changes nothing if the service has claimed the number already', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().claim({ ...web, portNumber: 3005, description: 'first' })
      const { events } = await store().history({ limit: 10 })
      expect(await store().claim({ ...web, portNumber: 3005, description: 'second' })).toBe(false)
      expect(await store().history({ limit: 10 })).toMatchObject({ events })
      expect(await heldBy(store, web)).toEqual([{ portNumber: 3005, description: 'first' }])
    })

    it('writes one event for each claim that changes something', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().getOrAllocate(web)
      await store().claim({ ...web, portNumber: 3005 }, { actor: 'ann' })
      await store().claim({ ...web, portNumber: 3000 }, { actor: 'bob' })
      const { events } = await store().history({ limit: 2 })
      expect(events).toMatchObject([
        { what: 'claimed', call: 'claim_port', portNumber: 3000, actor: 'bob' },
        { what: 'allocated', call: 'claim_port', portNumber: 3005, actor: 'ann' },
      ])
    })

    it('names the holder of a number that is taken, and the nearest available ones', async () => {
      await store().createRange(shopRange(3000, 3009))
      const holder = { ...web, instance: 'login-form' }
      await store().claim({ ...holder, portNumber: 3005 })
      await store().claim({ ...api, portNumber: 3006 })
      const claim = store().claim({ ...api, portNumber: 3005 })
      await expect(claim).rejects.toMatchObject({
        code: 'PORT_TAKEN',
        message: expect.stringContaining('shop/web@login-form'),
        details: { ...holder, portNumber: 3005, nearest: [3003, 3004, 3007] },
      })
      expect(await livePorts(store)).toEqual([3005, 3006])
    })

    it('names the owner of a number outside the ranges, or says that there is none', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().createRange({ projectName: 'blog', startPort: 3010, endPort: 3019 })
      for (const [portNumber, owner] of [
        [3010, 'blog'],
        [3020, null],
      ] as const) {
        await expect(store().claim({ ...web, portNumber })).rejects.toMatchObject({
          code: 'PORT_OUT_OF_RANGE',
          message: expect.stringContaining(owner ?? 'No project owns it'),
          details: { portNumber, owner, ranges: [{ startPort: 3000, endPort: 3009 }] },
        })
      }
      await expect(
        store().claim({ ...web, projectName: 'ghost', portNumber: 3010 }),
      ).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' })
    })

    it('leaves the numbers below a claimed one to be allocated, lowest first', async () => {
      await store().createRange(shopRange(3000, 3199))
      await store().claim({ ...web, portNumber: 3199 })
      await store().claim({ ...web, portNumber: 3002 })
      await store().release({ ...web, portNumber: 3199 })
      const given: number[] = []
      for (const _ of numbers(1, 199)) given.push(await store().allocate(api))
      expect(given).toEqual([3000, 3001, ...numbers(3003, 3199)])
      await expect(store().allocate(api)).rejects.toMatchObject({ code: 'RANGE_EXHAUSTED' })
    })

    it('gives a number to one of twenty services that claim it at once', async () => {
      await store().createRange(shopRange(3000, 3009))
      const { ports, errors } = await atOnce(20, async (nth) => {
        await store().claim({ ...web, serviceName: `web-${nth}`, portNumber: 3005 })
        return 3005
      })
      expect(ports).toEqual([3005])
      expect(errors.map(({ code }) => code)).toEqual(Array(19).fill('PORT_TAKEN'))
      expect(await livePorts(store)).toEqual([3005])
    })

    it('gives each number once to concurrent claims and allocations', async () => {
      await store().createRange(shopRange(3000, 3039))
      const { ports, errors } = await atOnce(40, async (nth) => {
        const service = { ...web, serviceName: `web-${nth}` }
        if (nth % 2 === 0) return store().allocate(service)
        await store().claim({ ...service, portNumber: 3000 + nth })
        return 3000 + nth
      })
      for (const { code } of errors) expect(code).toBe('PORT_TAKEN')
      expect(new Set(ports).size).toBe(ports.length)
      expect(await livePorts(store)).toEqual(ports.toSorted((a, b) => a - b))
    })
  })

  describe('ensure', () => {
    it('says whether the service has just got the port', async () => {
      await store().createRange(shopRange(3000, 3009))
      const first = await store().ensure(web)
      expect(first).toEqual({ portNumber: 3000, created: true, passedOver: [], resting: [] })
      expect(await store().ensure(web)).toEqual({ ...first, created: false })
    })

    it('gives the preferred number if it is available, else the lowest', async () => {
      await store().createRange(shopRange(3000, 3009))
      const ensure = async (service: typeof web, preferredPort: number) =>
        (await store().ensure({ ...service, preferredPort })).portNumber
      expect(await ensure(web, 3005)).toBe(3005)
      expect(await ensure(web, 3006)).toBe(3005)
      expect(await ensure(api, 3005)).toBe(3000)
      expect(await ensure({ ...api, serviceName: 'outside' }, 4000)).toBe(3001)
    })

    it('passes over the numbers to avoid, and tells which', async () => {
      await store().createRange(shopRange(3000, 3009))
      expect(await store().ensure({ ...web, avoid: AVOIDED })).toEqual({
        portNumber: 3002,
        created: true,
        passedOver: [3000, 3001],
        resting: [],
      })
      expect(await store().allocate({ ...api, avoid: AVOIDED })).toBe(3003)
    })

    it('gives a number to avoid if it is preferred or claimed, and keeps it', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().ensure({ ...web, avoid: AVOIDED, preferredPort: 3001 })
      await store().claim({ ...api, portNumber: 3000 })
      expect(await store().ensure({ ...web, avoid: AVOIDED })).toMatchObject({ portNumber: 3001 })
      expect(await store().ensure({ ...api, avoid: AVOIDED })).toMatchObject({ portNumber: 3000 })
    })

    it('is exhausted when only numbers to avoid are left, and says how many', async () => {
      await store().createRange(shopRange(3000, 3003))
      await store().ensure({ ...web, avoid: AVOIDED })
      await store().ensure({ ...api, avoid: AVOIDED })
      for (const call of [
        () => store().ensure({ ...web, serviceName: 'third', avoid: AVOIDED }),
        () => store().allocate({ ...web, avoid: AVOIDED }),
      ]) {
        await expect(call()).rejects.toMatchObject({
          code: 'RANGE_EXHAUSTED',
          message: expect.stringContaining('passed over (2)'),
          details: { avoided: 2, availablePorts: 2, allocatedPorts: 2 },
        })
      }
      expect(await store().allocate(web)).toBe(3000)
    })

    it('gives one port to twenty concurrent callers, and says to one of them that it is new', async () => {
      await store().createRange(shopRange(3000, 3029))
      const { ports, errors } = await atOnce(20, async () => {
        const { portNumber, created } = await store().ensure({ ...web, avoid: AVOIDED })
        return created ? -portNumber : portNumber
      })
      expect(errors).toEqual([])
      expect(ports.toSorted((a, b) => a - b)).toEqual([-3002, ...Array(19).fill(3002)])
    })
  })
}
