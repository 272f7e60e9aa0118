import { describe, expect, it } from 'vitest'
import {
  api,
  ascending,
  atOnce,
  heldBy,
  livePorts,
  numbers,
  type Store,
  shopRange,
  web,
} from './shop.js'

export function describeAllocating(store: Store) {
  describe('allocate', () => {
    it('gives the lowest free number first', async () => {
      await store().createRange(shopRange(3000, 3009))
      expect(await store().allocate(web)).toBe(3000)
      expect(await store().allocate(api)).toBe(3001)
    })

    it('gives another port to a service that has one', async () => {
      await store().createRange(shopRange(3000, 3009))
      expect(await store().allocate(web)).toBe(3000)
      expect(await store().allocate(web)).toBe(3001)
      expect(await livePorts(store)).toEqual([3000, 3001])
    })

    it('fills a gap before it goes on', async () => {
      await store().createRange(shopRange(3000, 3009))
      for (const _ of numbers(1, 4)) await store().allocate(web)
      await store().release({ ...web, portNumber: 3001 })
      expect(await store().allocate(api)).toBe(3001)
      expect(await store().allocate(api)).toBe(3004)
    })

    it('gives the same port again under the same key, and another under another', async () => {
      await store().createRange(shopRange(3000, 3009))
      expect(await store().allocate({ ...web, idempotencyKey: 'first' })).toBe(3000)
      expect(await store().allocate({ ...web, idempotencyKey: 'second' })).toBe(3001)
      expect(await store().allocate({ ...web, idempotencyKey: 'first' })).toBe(3000)
      expect(await store().allocate(web)).toBe(3002)
      expect(await livePorts(store)).toEqual([3000, 3001, 3002])
    })

    it('gives one port to twenty concurrent callers with one key', async () => {
      await store().createRange(shopRange(3000, 3029))
      const keyed = { ...web, idempotencyKey: 'one' }
      const { ports, errors } = await atOnce(20, () => store().allocate(keyed))
      expect(errors).toEqual([])
      expect(new Set(ports)).toEqual(new Set([3000]))
    })

    it('keeps a key to its service, and forgets it when the port is released', async () => {
      await store().createRange(shopRange(3000, 3009))
      expect(await store().allocate({ ...web, idempotencyKey: 'first' })).toBe(3000)
      expect(await store().allocate({ ...api, idempotencyKey: 'first' })).toBe(3001)
      await store().release(web)
      expect(await store().allocate(api)).toBe(3000)
      expect(await store().allocate({ ...web, idempotencyKey: 'first' })).toBe(3002)
    })

    it('gives a range of one number to one service', async () => {
      await store().createRange(shopRange(65535, 65535))
      expect(await store().allocate(web)).toBe(65535)
      await expect(store().allocate(api)).rejects.toMatchObject({ code: 'RANGE_EXHAUSTED' })
    })

    it('names a full range and says how full it is', async () => {
      await store().createRange(shopRange(3000, 3001))
      await store().allocate(web)
      await store().allocate(api)
      await expect(store().allocate(web)).rejects.toMatchObject({
        name: 'PortsError',
        code: 'RANGE_EXHAUSTED',
        details: {
          projectName: 'shop',
          range: { startPort: 3000, endPort: 3001 },
          hostname: 'localhost',
          protocol: 'tcp',
          totalPorts: 2,
          allocatedPorts: 2,
          availablePorts: 0,
        },
      })
    })

    it('gives the same number once on every host and in every protocol', async () => {
      await store().createRange(shopRange(3000, 3000))
      expect(await store().allocate(web)).toBe(3000)
      expect(await store().allocate({ ...web, protocol: 'udp' })).toBe(3000)
      expect(await store().allocate({ ...web, hostname: 'alpha' })).toBe(3000)
      expect(await store().allocate({ ...web, hostname: 'alpha', protocol: 'udp' })).toBe(3000)
      await expect(store().allocate({ ...web, hostname: 'alpha' })).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        details: { hostname: 'alpha', protocol: 'tcp' },
      })
    })

    it("takes each project's ports from its own range", async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().createRange({ projectName: 'Shop', startPort: 4000, endPort: 4009 })
      expect(await store().allocate({ ...web, projectName: 'Shop' })).toBe(4000)
      expect(await store().allocate(web)).toBe(3000)
    })

    it('stores the metadata it is given', async () => {
      await store().createRange(shopRange(3000, 3009))
      const metadata = {
        serviceType: 'next.js',
        description: 'Schaufenster 🛍 – "\'; drop table port_allocations; --',
        cloudflareHostname: 'shop.example.com',
      }
      await store().allocate({ ...web, ...metadata })
      expect(await heldBy(store, web)).toEqual([{ portNumber: 3000, ...metadata }])
    })

    it('drains a range for callers at the same time, each number once', async () => {
      await store().createRange(shopRange(3000, 3029))
      const { ports, errors } = await atOnce(40, (nth) =>
        store().allocate({ ...web, serviceName: `worker-${nth % 7}` }),
      )
      expect(ascending(ports)).toEqual(numbers(3000, 3029))
      expect(errors).toHaveLength(10)
      for (const error of errors) expect(error).toMatchObject({ code: 'RANGE_EXHAUSTED' })
      expect(await livePorts(store)).toEqual(numbers(3000, 3029))
    })

    it('neither gives away a held port nor calls a range full while others come and go', async () => {
      await store().createRange(shopRange(3000, 3007))
      const held = new Set<number>()
      const comeAndGo = async (serviceName: string) => {
        for (const _ of numbers(1, 20)) {
          const portNumber = await store().allocate({ ...web, serviceName })
          expect(held).not.toContain(portNumber)
          held.add(portNumber)
          await Promise.resolve()
          held.delete(portNumber)
          expect(await store().release({ ...web, serviceName, portNumber })).toHaveLength(1)
        }
      }
      // As many workers as ports: each holds one at most, so one is always free for the next.
      await Promise.all(numbers(1, 8).map((nth) => comeAndGo(`worker-${nth}`)))
      expect(await livePorts(store)).toEqual([])
    })
  })

  describe('getOrAllocate', () => {
    it('gives the lowest free number to a service without a port', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(api)
      expect(await store().getOrAllocate(web)).toBe(3001)
    })

    it('gives a service the port it has', async () => {
      await store().createRange(shopRange(3000, 3009))
      const portNumber = await store().getOrAllocate(web)
      expect(await store().getOrAllocate(web)).toBe(portNumber)
      expect(await store().getOrAllocate(web)).toBe(portNumber)
      expect(await livePorts(store)).toEqual([portNumber])
    })

    it('gives the port that allocate gave', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(api)
      const portNumber = await store().allocate(web)
      expect(await store().getOrAllocate(web)).toBe(portNumber)
    })

    it('gives the oldest port of several, whichever number is lower', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(api)
      const oldest = await store().getOrAllocate(web)
      await store().release(api)
      const newer = await store().allocate(web)
      expect(newer).toBeLessThan(oldest)
      expect(await store().getOrAllocate(web)).toBe(oldest)
    })

    it('gives the next oldest port when the oldest is released', async () => {
      await store().createRange(shopRange(3000, 3009))
      for (const _ of numbers(1, 3)) await store().allocate(web)
      await store().release({ ...web, portNumber: 3000 })
      expect(await store().getOrAllocate(web)).toBe(3001)
      expect(await livePorts(store)).toEqual([3001, 3002])
    })

    it('gives a service its port when the range is full', async () => {
      await store().createRange(shopRange(3000, 3001))
      await store().allocate(api)
      const portNumber = await store().allocate(web)
      expect(await store().getOrAllocate(web)).toBe(portNumber)
      await expect(store().getOrAllocate({ ...web, serviceName: 'mail' })).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        details: { range: { startPort: 3000, endPort: 3001 }, allocatedPorts: 2 },
      })
    })

    it('keeps services apart by project, name, host and protocol', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().createRange({ projectName: 'blog', startPort: 4000, endPort: 4009 })
      await store().getOrAllocate(web)
      expect(await store().getOrAllocate({ ...web, serviceName: 'Web' })).toBe(3001)
      expect(await store().getOrAllocate({ ...web, projectName: 'blog' })).toBe(4000)
      expect(await store().getOrAllocate({ ...web, hostname: 'alpha' })).toBe(3000)
      expect(await store().getOrAllocate({ ...web, protocol: 'udp' })).toBe(3000)
      expect(await livePorts(store)).toHaveLength(5)
    })

    it('stores the metadata of a new port', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().getOrAllocate({ ...web, serviceType: 'vite', description: 'Storefront' })
      expect(await heldBy(store, web)).toEqual([
        {
          portNumber: 3000,
          serviceType: 'vite',
          description: 'Storefront',
        },
      ])
    })

    it('fills in missing metadata and overwrites none', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate({ ...web, description: 'Storefront' })
      await store().getOrAllocate({
        ...web,
        serviceType: 'vite',
        description: 'Something else',
        cloudflareHostname: 'shop.example.com',
      })
      await store().getOrAllocate({ ...web, serviceType: 'next.js' })
      await store().getOrAllocate(web)
      expect(await heldBy(store, web)).toEqual([
        {
          portNumber: 3000,
          serviceType: 'vite',
          description: 'Storefront',
          cloudflareHostname: 'shop.example.com',
        },
      ])
    })

    it('fills in metadata of the oldest port alone', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      await store().allocate(web)
      await store().getOrAllocate({ ...web, description: 'Storefront' })
      const { allocations } = await store().list({})
      expect(allocations.map(({ description }) => description)).toEqual(['Storefront', undefined])
    })

    it('gives one port to twenty callers at the same time', async () => {
      await store().createRange(shopRange(3000, 3029))
      const { ports, errors } = await atOnce(20, () => store().getOrAllocate(web))
      expect(errors).toEqual([])
      expect(ports).toEqual(Array(20).fill(ports[0]))
      expect(await livePorts(store)).toEqual([ports[0]])
    })

    it('gives one port to twenty callers at the same time when it is the last', async () => {
      await store().createRange(shopRange(3000, 3000))
      const { ports, errors } = await atOnce(20, () => store().getOrAllocate(web))
      expect(errors).toEqual([])
      expect(ports).toEqual(Array(20).fill(3000))
    })

    it('gives twenty services at the same time a port each', async () => {
      await store().createRange(shopRange(3000, 3019))
      const { ports, errors } = await atOnce(20, (nth) =>
        store().getOrAllocate({ ...web, serviceName: `service-${nth}` }),
      )
      expect(errors).toEqual([])
      expect(ascending(ports)).toEqual(numbers(3000, 3019))
    })

    it('leaves a service one port at most while it is released meanwhile', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().getOrAllocate(web)
      await Promise.all([
        atOnce(10, () => store().getOrAllocate(web)),
        store().release(web),
        atOnce(10, () => store().getOrAllocate(web)),
      ])
      const portNumber = await store().getOrAllocate(web)
      expect(await livePorts(store)).toEqual([portNumber])
    })
  })
}
