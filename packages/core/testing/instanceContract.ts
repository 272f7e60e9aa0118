import { describe, expect, it } from 'vitest'
import type { ServiceKey } from '../src/PortAllocation.js'
import { atOnce, heldBy, livePorts, numbers, type Store, shopRange, web } from './shop.js'

const login: ServiceKey = { ...web, instance: 'login' }

export function describeInstances(store: Store) {
  describe('an instance', () => {
    it('has a port of its own, the same every time', async () => {
      await store().createRange(shopRange(3000, 3009))
      for (const _ of numbers(1, 2)) {
        expect(await store().getOrAllocate(web)).toBe(3000)
        expect(await store().getOrAllocate(login)).toBe(3001)
        expect(await store().getOrAllocate({ ...web, instance: 'Login' })).toBe(3002)
      }
      expect(await livePorts(store)).toEqual([3000, 3001, 3002])
    })

    it('is listed with its name, which is empty for the primary one', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(login)
      await store().allocate(web)
      const { allocations } = await store().list({ projectName: 'shop' })
      expect(allocations).toMatchObject([
        { ...login, portNumber: 3000 },
        { ...web, portNumber: 3001 },
      ])
    })

    it('has its own port although the range is full', async () => {
      await store().createRange(shopRange(3000, 3001))
      await store().allocate(web)
      await store().allocate(login)
      expect(await store().getOrAllocate(login)).toBe(3001)
      await expect(store().getOrAllocate({ ...web, instance: 'checkout' })).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
      })
    })

    it('keeps its port when another one is released', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      await store().allocate(login)
      expect(await store().release(web)).toEqual([{ portNumber: 3000, protocol: 'tcp' }])
      expect(await store().release(web)).toEqual([])
      expect(await heldBy(store, login)).toEqual([{ portNumber: 3001 }])
      expect(await store().release({ ...login, portNumber: 3000 })).toEqual([])
      expect(await store().release(login)).toEqual([{ portNumber: 3001, protocol: 'tcp' }])
      expect(await livePorts(store)).toEqual([])
    })

    it('keeps its metadata when another one is updated', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate({ ...web, description: 'Storefront' })
      await store().allocate({ ...login, description: 'Storefront' })
      expect(await store().update(login, { description: 'Login' })).toBe(true)
      expect(await store().update({ ...web, instance: 'checkout' }, { description: 'x' })).toBe(
        false,
      )
      expect(await heldBy(store, web)).toEqual([{ portNumber: 3000, description: 'Storefront' }])
      expect(await heldBy(store, login)).toEqual([{ portNumber: 3001, description: 'Login' }])
    })

    it('does not get the metadata that getOrAllocate fills in for another one', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      await store().allocate(login)
      await store().getOrAllocate({ ...login, serviceType: 'vite' })
      expect(await heldBy(store, web)).toEqual([{ portNumber: 3000 }])
      expect(await heldBy(store, login)).toEqual([{ portNumber: 3001, serviceType: 'vite' }])
    })

    it('has idempotency keys of its own', async () => {
      await store().createRange(shopRange(3000, 3009))
      for (const _ of numbers(1, 2)) {
        expect(await store().allocate({ ...web, idempotencyKey: 'first' })).toBe(3000)
        expect(await store().allocate({ ...login, idempotencyKey: 'first' })).toBe(3001)
      }
    })

    it('gets one port when several callers ask for several instances at the same time', async () => {
      await store().createRange(shopRange(3000, 3019))
      const { ports, errors } = await atOnce(20, (nth) =>
        store().getOrAllocate({ ...web, instance: `copy-${nth % 5}` }),
      )
      expect(errors).toEqual([])
      expect(ports).toEqual(numbers(0, 19).map((nth) => ports[nth % 5]))
      expect(new Set(ports).size).toBe(5)
    })

    it('gets and releases its own ports while others ask at the same time', async () => {
      await store().createRange(shopRange(3000, 3019))
      const copies = numbers(0, 19).map((nth) => ({ ...web, instance: `copy-${nth}` }))
      const ports = await Promise.all(copies.map((copy) => store().allocate(copy)))
      for (const [nth, copy] of copies.entries()) {
        expect(await heldBy(store, copy)).toEqual([{ portNumber: ports[nth] }])
      }
      const released = await Promise.all(copies.slice(5).map((copy) => store().release(copy)))
      expect(released.flat().map(({ portNumber }) => portNumber)).toEqual(ports.slice(5))
      for (const [nth, copy] of copies.slice(0, 5).entries()) {
        expect(await heldBy(store, copy)).toEqual([{ portNumber: ports[nth] }])
      }
    })

    it('is named if its port prevents a change of the range', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(login)
      const inUse = {
        code: 'RANGE_IN_USE',
        message: expect.stringContaining('3000 web@login (localhost/tcp)'),
        details: { allocations: [{ serviceName: 'web', instance: 'login', portNumber: 3000 }] },
      }
      await expect(
        store().resizeRange('shop', { startPort: 3001, endPort: 3009 }),
      ).rejects.toMatchObject(inUse)
      await expect(store().deleteRange('shop')).rejects.toMatchObject(inUse)
    })
  })
}
