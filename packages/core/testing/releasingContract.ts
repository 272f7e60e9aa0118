import { describe, expect, it } from 'vitest'
import type { Protocol } from '../src/PortAllocation.js'
import { api, heldBy, livePorts, numbers, type Store, shopRange, web } from './shop.js'

const released = (portNumber: number, protocol: Protocol = 'tcp') => ({ portNumber, protocol })

export function describeReleasing(store: Store) {
  describe('release', () => {
    it('gives a released port to the next service that asks', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      await store().release(web)
      expect(await store().allocate(api)).toBe(3000)
      expect(await heldBy(store, web)).toEqual([])
    })

    it('names the next holding of a port by another id', async () => {
      await store().createRange(shopRange(3000, 3000))
      const ids = new Set<string>()
      for (const service of [web, api, web]) {
        await store().allocate(service)
        const { allocations } = await store().list({})
        for (const { id } of allocations) ids.add(id)
        await store().release(service)
      }
      expect(ids.size).toBe(3)
    })

    it('keeps nothing of a holding for the next one', async () => {
      await store().createRange(shopRange(3000, 3000))
      await store().allocate({
        ...web,
        serviceType: 'vite',
        description: 'Storefront',
        cloudflareHostname: 'shop.example.com',
      })
      const { allocations } = await store().list({})
      await store().recordChecks([{ allocationId: allocations[0]!.id, verdict: 'listening' }])
      await store().release(web)
      await store().allocate(api)
      expect((await store().list({})).allocations).toEqual([
        {
          ...api,
          id: expect.any(String),
          portNumber: 3000,
          status: 'allocated',
          allocatedAt: expect.any(Date),
        },
      ])
    })

    it('lets the same number be taken and released many times', async () => {
      await store().createRange(shopRange(3000, 3001))
      for (const _ of numbers(1, 10)) {
        expect(await store().allocate(web)).toBe(3000)
        expect(await store().release(web)).toEqual([released(3000)])
        expect(await store().getOrAllocate(api)).toBe(3000)
        expect(await store().release(api)).toEqual([released(3000)])
      }
      expect(await livePorts(store)).toEqual([])
    })

    it('makes room in a full range', async () => {
      await store().createRange(shopRange(3000, 3002))
      for (const _ of numbers(1, 3)) await store().allocate(web)
      await store().release({ ...web, portNumber: 3001 })
      expect(await store().allocate(api)).toBe(3001)
      await expect(store().allocate(api)).rejects.toMatchObject({ code: 'RANGE_EXHAUSTED' })
    })

    it('releases all ports of the service on that host, of both protocols', async () => {
      await store().createRange(shopRange(3000, 3009))
      const { protocol: _, ...onThatHost } = web
      await store().allocate(web)
      await store().allocate({ ...web, protocol: 'udp' })
      await store().allocate(web)
      expect(await store().release(onThatHost)).toEqual([
        released(3000),
        released(3000, 'udp'),
        released(3001),
      ])
      expect(await livePorts(store)).toEqual([])
    })

    it('releases only one protocol on request', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      await store().allocate({ ...web, protocol: 'udp' })
      expect(await store().release({ ...web, protocol: 'udp' })).toEqual([released(3000, 'udp')])
      expect((await store().list({})).allocations).toMatchObject([{ protocol: 'tcp' }])
    })

    it('releases only one number on request', async () => {
      await store().createRange(shopRange(3000, 3009))
      for (const _ of numbers(1, 3)) await store().allocate(web)
      expect(await store().release({ ...web, portNumber: 3001 })).toEqual([released(3001)])
      expect(await livePorts(store)).toEqual([3000, 3002])
    })

    it('leaves other services, hosts and projects alone', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().createRange({ projectName: 'blog', startPort: 4000, endPort: 4009 })
      const others = [api, { ...web, hostname: 'alpha' }, { ...web, projectName: 'blog' }]
      await store().allocate(web)
      for (const other of others) await store().allocate(other)
      await store().release(web)
      expect((await store().list({})).total).toBe(3)
      for (const other of others) expect(await heldBy(store, other)).toHaveLength(1)
    })

    it('releases nothing if the service holds nothing', async () => {
      await store().createRange(shopRange(3000, 3009))
      expect(await store().release(web)).toEqual([])
      await store().allocate(web)
      expect(await store().release({ ...web, portNumber: 3001 })).toEqual([])
      expect(await store().release({ ...web, protocol: 'udp' })).toEqual([])
      expect(await store().release({ ...web, hostname: 'alpha' })).toEqual([])
      expect(await store().release(api)).toEqual([])
      expect(await store().release(web)).toEqual([released(3000)])
      expect(await store().release(web)).toEqual([])
    })

    it('gives the number to one of ten callers that release it at the same time', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      const told = await Promise.all(numbers(1, 10).map(() => store().release(web)))
      expect(told.flat()).toEqual([released(3000)])
    })
  })
}
