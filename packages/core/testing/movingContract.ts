import { beforeEach, describe, expect, it } from 'vitest'
import { api, atOnce, heldBy, livePorts, numbers, type Store, shopRange, web } from './shop.js'

const STOREFRONT = {
  serviceType: 'vite',
  description: 'Storefront',
  cloudflareHostname: 'shop.example.com',
}

export function describeMoving(store: Store) {
  /** The id by number of every live allocation. */
  const ids = async () =>
    new Map(
      (await store().list({})).allocations.map(({ portNumber, id }) => [portNumber, Number(id)]),
    )

  describe('move', () => {
    beforeEach(async () => {
      await store().createRange(shopRange(3000, 3009))
    })

    it.each([
      ['higher', 3007],
      ['lower', 3001],
    ])(
      'gives the service a %s number instead of the one that it has',
      async (_where, portNumber) => {
        await store().claim({ ...web, ...STOREFRONT, portNumber: 3004 })
        expect(await store().move({ ...web, portNumber })).toEqual({
          movedFrom: 3004,
          moved: true,
        })
        expect(await heldBy(store, web)).toEqual([{ portNumber, ...STOREFRONT }])
        expect(await store().getOrAllocate(web)).toBe(portNumber)
        expect(await store().find(web)).toBe(portNumber)
        expect(await livePorts(store)).toEqual([portNumber])
      },
    )

    it('gives the number a new holding with a higher id', async () => {
      await store().claim({ ...api, portNumber: 3007 })
      await store().release(api)
      await store().allocate(web)
      await store().allocate(api)
      const before = await ids()
      await store().move({ ...web, portNumber: 3007 })
      const after = await ids()
      expect(after.get(3007)).toBeGreaterThan(Math.max(...before.values()))
      expect(after.get(3001)).toBe(before.get(3001))
    })

    it('leaves the old number to others', async () => {
      await store().allocate(web)
      await store().move({ ...web, portNumber: 3007 })
      expect(await store().allocate(api)).toBe(3000)
      expect(await heldBy(store, web)).toEqual([{ portNumber: 3007 }])
    })

    it.each([3000, 3007])('takes an idempotency key along to %i', async (portNumber) => {
      await store().claim({ ...api, portNumber: 3000 })
      await store().allocate({ ...web, idempotencyKey: 'first' })
      await store().allocate({ ...web, idempotencyKey: 'second' })
      await store().release(api)
      await store().move({ ...web, portNumber, from: 3001 })
      expect(await store().allocate({ ...web, idempotencyKey: 'first' })).toBe(portNumber)
      expect(await store().allocate({ ...web, idempotencyKey: 'second' })).toBe(3002)
    })

    it('keeps the place of the number among those of the service', async () => {
      for (const _ of numbers(1, 3)) await store().allocate(web)
      await store().claim({ ...web, portNumber: 3005 })
      // In the order of getOrAllocate: 3005, 3000, 3001, 3002.
      await store().move({ ...web, portNumber: 3009, from: 3001 })
      await store().move({ ...web, portNumber: 3008 })
      for (const portNumber of [3008, 3000, 3009, 3002]) {
        expect(await store().getOrAllocate(web)).toBe(portNumber)
        await store().release({ ...web, portNumber })
      }
    })

    it('changes nothing if the service was moved already', async () => {
      await store().allocate({ ...web, ...STOREFRONT })
      for (const request of [
        { ...web, portNumber: 3007 },
        { ...web, portNumber: 3007, from: 3000 },
      ]) {
        await store().move(request)
        const before = await store().dump()
        expect(await store().move(request)).toEqual({ movedFrom: 3007, moved: false })
        expect(await store().dump()).toEqual(before)
      }
    })

    it('prefers to move the number that it is to move from', async () => {
      await store().allocate(web)
      await store().allocate(web)
      expect(await store().move({ ...web, portNumber: 3005, from: 3001 })).toEqual({
        movedFrom: 3001,
        moved: true,
      })
      expect(await store().move({ ...web, portNumber: 3005, from: 3001 })).toEqual({
        movedFrom: 3005,
        moved: false,
      })
      expect(await livePorts(store)).toEqual([3000, 3005])
    })

    it('has nothing to move if the service holds neither number', async () => {
      expect(await store().move({ ...web, portNumber: 3005 })).toBeUndefined()
      await store().allocate(web)
      expect(await store().move({ ...web, portNumber: 3005, from: 3001 })).toBeUndefined()
      for (const other of [
        api,
        { ...web, instance: 'copy' },
        { ...web, protocol: 'udp' as const },
        { ...web, hostname: 'nas' },
      ]) {
        expect(await store().move({ ...other, portNumber: 3005 })).toBeUndefined()
      }
      expect(await livePorts(store)).toEqual([3000])
    })

    it('moves the instance, host and protocol that are asked for', async () => {
      const copy = { ...web, instance: 'copy', hostname: 'nas', protocol: 'udp' } as const
      for (const service of [web, copy]) await store().allocate(service)
      await store().move({ ...copy, portNumber: 3009 })
      expect(await heldBy(store, copy)).toEqual([{ portNumber: 3009 }])
      expect(await heldBy(store, web)).toEqual([{ portNumber: 3000 }])
    })

    it.each([
      ['higher', 3004, 3005],
      ['lower', 3005, 3004],
    ])(
      'leaves everything as it is if a %s number is not to be had',
      async (_where, from, portNumber) => {
        await store().claim({ ...web, ...STOREFRONT, portNumber: from })
        const outside = portNumber > from ? 3010 : 2999
        const reserved = portNumber > from ? 3007 : 3001
        await store().claim({ ...api, portNumber })
        await store().reserve({ startPort: reserved, endPort: reserved, reason: 'migration' })
        const before = await store().dump()
        await expect(store().move({ ...web, portNumber })).rejects.toMatchObject({
          code: 'PORT_TAKEN',
          details: {
            serviceName: 'api',
            portNumber,
            // Not the number that it has.
            nearest: [3002, 3003, 3006],
          },
        })
        await expect(store().move({ ...web, portNumber: outside })).rejects.toMatchObject({
          code: 'PORT_OUT_OF_RANGE',
          details: { portNumber: outside },
        })
        await expect(store().move({ ...web, portNumber: reserved })).rejects.toMatchObject({
          code: 'PORT_RESERVED',
          details: { portNumber: reserved, reason: 'migration' },
        })
        expect(await store().dump()).toEqual(before)
      },
    )

    it('is refused if the service holds the number beside the one that it is to give up', async () => {
      await store().allocate(web)
      await store().allocate(web)
      const before = await store().dump()
      for (const from of [undefined, 3000]) {
        const request = { ...web, portNumber: 3001, ...(from !== undefined && { from }) }
        await expect(store().move(request)).rejects.toMatchObject({
          code: 'PORT_TAKEN',
          details: { serviceName: 'web', portNumber: 3001 },
        })
      }
      expect(await store().dump()).toEqual(before)
    })

    it('takes a reserved number on request', async () => {
      await store().allocate(web)
      await store().reserve({ startPort: 3005, endPort: 3005, reason: 'migration' })
      const request = { ...web, portNumber: 3005, useReservation: true }
      expect(await store().move(request)).toEqual({ movedFrom: 3000, moved: true })
      const { useReservation: _, ...plain } = request
      expect(await store().move(plain)).toEqual({ movedFrom: 3005, moved: false })
    })

    it('is an error in a project without a range', async () => {
      await expect(
        store().move({ ...web, projectName: 'ghost', portNumber: 3005 }),
      ).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' })
    })

    it('writes an event of the release and one of the allocation', async () => {
      await store().allocate({ ...web, ...STOREFRONT })
      const before = await ids()
      await store().move({ ...web, portNumber: 3007 }, { actor: 'ann' })
      const after = await ids()
      const { events } = await store().history({ projectName: 'shop', limit: 2 })
      expect(events).toEqual([
        expect.objectContaining({
          ...{ call: 'move_port', what: 'allocated', actor: 'ann', portNumber: 3007 },
          ...{ allocationId: `${after.get(3007)}`, after: STOREFRONT },
        }),
        expect.objectContaining({
          ...{ call: 'move_port', what: 'released', actor: 'ann', portNumber: 3000 },
          allocationId: `${before.get(3000)}`,
        }),
      ])
    })

    it('works in a full range, to the last free number', async () => {
      for (const _ of numbers(1, 9)) await store().allocate(web)
      expect(await store().move({ ...web, portNumber: 3009, from: 3000 })).toMatchObject({
        moved: true,
      })
      expect(await livePorts(store)).toEqual(numbers(3001, 3009))
      expect(await store().allocate(api)).toBe(3000)
    })

    it('moves from one range of the project to another', async () => {
      await store().addRange(shopRange(5000, 5999))
      await store().allocate(web)
      await store().move({ ...web, portNumber: 5998 })
      await store().move({ ...api, portNumber: 3000 })
      expect(await store().getOrAllocate(web)).toBe(5998)
      expect(await store().allocate(api)).toBe(3000)
    })

    it('moves a service to one of the numbers that twenty ask for at once', async () => {
      await store().claim({ ...web, portNumber: 3000 })
      await store().addRange(shopRange(4000, 4019))
      const { ports, errors } = await atOnce(20, async (nth) => {
        const moved = await store().move({ ...web, portNumber: 4000 + nth })
        expect(moved?.moved).toBe(true)
        return moved!.movedFrom
      })
      expect(errors).toEqual([])
      const [last] = await livePorts(store)
      // Each number was given up once, but for the last.
      const passed = [3000, ...numbers(4000, 4019)].filter((port) => port !== last)
      expect(ports.toSorted((a, b) => a - b)).toEqual(passed)
      expect(await livePorts(store)).toEqual([last])
    })

    it('gives a number to one of twenty services that move to it at once', async () => {
      await store().addRange(shopRange(4000, 4019))
      const service = (nth: number) => ({ ...web, serviceName: `web-${nth}` })
      for (const nth of numbers(0, 19))
        await store().claim({ ...service(nth), portNumber: 4000 + nth })
      const { ports, errors } = await atOnce(20, async (nth) => {
        await store().move({ ...service(nth), portNumber: 3005 })
        return nth
      })
      expect(ports).toHaveLength(1)
      expect(errors.map(({ code }) => code)).toEqual(Array(19).fill('PORT_TAKEN'))
      const left = numbers(4000, 4019).filter((port) => port !== 4000 + ports[0]!)
      expect(await livePorts(store)).toEqual([3005, ...left])
    })
  })
}
