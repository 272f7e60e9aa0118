import { describe, expect, it } from 'vitest'
import { api, heldBy, numbers, type Store, shopRange, web } from './shop.js'

export function describeUpdating(store: Store) {
  const descriptions = async () =>
    (await store().list({})).allocations.map(({ description }) => description)

  describe('update', () => {
    it('sets what is given, clears what is null, keeps what is absent', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate({ ...web, serviceType: 'vite', description: 'Storefront' })
      const updated = await store().update(web, {
        description: null,
        cloudflareHostname: 'shop.example.com',
      })
      expect(updated).toBe(true)
      expect(await heldBy(store, web)).toEqual([
        {
          portNumber: 3000,
          serviceType: 'vite',
          cloudflareHostname: 'shop.example.com',
        },
      ])
    })

    it('overwrites existing values', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate({ ...web, description: 'Storefront' })
      await store().update(web, { description: 'Checkout' })
      expect(await heldBy(store, web)).toMatchObject([{ description: 'Checkout' }])
    })

    it('changes neither the holding nor its status', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      const [before] = (await store().list({})).allocations
      await store().recordChecks([{ allocationId: before!.id, verdict: 'listening' }])
      await store().update(web, { description: 'Storefront' })
      expect((await store().list({})).allocations).toMatchObject([
        { id: before!.id, allocatedAt: before!.allocatedAt, status: 'in_use' },
      ])
    })

    it('updates all ports of the service on that host, of both protocols', async () => {
      await store().createRange(shopRange(3000, 3009))
      const { protocol: _, ...onThatHost } = web
      await store().allocate(web)
      await store().allocate({ ...web, protocol: 'udp' })
      await store().allocate(web)
      await store().update(onThatHost, { description: 'Storefront' })
      expect(await descriptions()).toEqual(['Storefront', 'Storefront', 'Storefront'])
    })

    it('updates only one protocol on request', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      await store().allocate({ ...web, protocol: 'udp' })
      await store().update({ ...web, protocol: 'udp' }, { description: 'Storefront' })
      expect(await descriptions()).toEqual([undefined, 'Storefront'])
    })

    it('updates only one number on request', async () => {
      await store().createRange(shopRange(3000, 3009))
      for (const _ of numbers(1, 3)) await store().allocate(web)
      await store().update({ ...web, portNumber: 3001 }, { description: 'Storefront' })
      expect(await descriptions()).toEqual([undefined, 'Storefront', undefined])
    })

    it('leaves other services, hosts and projects alone', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().createRange({ projectName: 'blog', startPort: 4000, endPort: 4009 })
      for (const other of [api, { ...web, hostname: 'alpha' }, { ...web, projectName: 'blog' }]) {
        await store().allocate(other)
      }
      await store().allocate(web)
      await store().update(web, { description: 'Storefront' })
      expect((await descriptions()).filter((description) => description)).toHaveLength(1)
      expect(await heldBy(store, web)).toMatchObject([{ description: 'Storefront' }])
    })

    it('updates the service on every host if that is asked, and no other service', async () => {
      await store().createRange(shopRange(3000, 3009))
      const { hostname: _, protocol, ...onAllHosts } = web
      const others = [api, { ...web, instance: 'login' }, { ...api, hostname: 'alpha' }]
      const all = [
        web,
        { ...web, hostname: 'alpha' },
        { ...web, hostname: 'beta', protocol: 'udp' as const },
      ]
      for (const each of [...all, ...others]) await store().allocate(each)
      const storefront = { description: 'Storefront' }
      expect(await store().updateOnAllHosts(onAllHosts, storefront)).toBe(true)
      for (const each of all) expect(await heldBy(store, each)).toMatchObject([storefront])
      expect((await descriptions()).filter(Boolean)).toHaveLength(all.length)
      const checkout = { description: 'Checkout' }
      expect(await store().updateOnAllHosts({ ...onAllHosts, protocol }, checkout)).toBe(true)
      expect((await descriptions()).filter((text) => text === 'Checkout')).toHaveLength(2)
      const { events } = await store().history({ limit: 100 })
      expect(events.filter(({ what }) => what === 'updated')).toHaveLength(5)
    })

    it('on all hosts returns false if there is nothing to update', async () => {
      await store().createRange(shopRange(3000, 3009))
      const { hostname: _, protocol: __, ...onAllHosts } = web
      const change = { description: 'Storefront' }
      expect(await store().updateOnAllHosts(onAllHosts, change)).toBe(false)
      await store().allocate(web)
      await store().release(web)
      expect(await store().updateOnAllHosts(onAllHosts, change)).toBe(false)
    })

    it('returns false if there is nothing to update, and allocates nothing', async () => {
      await store().createRange(shopRange(3000, 3009))
      const change = { description: 'Storefront' }
      expect(await store().update(web, change)).toBe(false)
      await store().allocate(web)
      expect(await store().update({ ...web, portNumber: 3001 }, change)).toBe(false)
      expect(await store().update({ ...web, protocol: 'udp' }, change)).toBe(false)
      expect(await store().update({ ...web, hostname: 'alpha' }, change)).toBe(false)
      await store().release(web)
      expect(await store().update(web, change)).toBe(false)
      expect((await store().list({})).total).toBe(0)
    })
  })
}
