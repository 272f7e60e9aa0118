import { describe, expect, it } from 'vitest'
import type { Batch, BatchItem, BatchRequest } from '../src/BatchStore.js'
import type { Protocol } from '../src/PortAllocation.js'
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

const BLOCK = { count: 4, contiguous: true }
const BOTH: readonly Protocol[] = ['tcp', 'udp']

function batch(...items: (Partial<BatchItem> & { serviceName: string })[]): BatchRequest {
  const { projectName, instance, hostname } = web
  const one = { protocols: ['tcp'] as const, count: 1, contiguous: false }
  return { projectName, instance, hostname, items: items.map((item) => ({ ...one, ...item })) }
}

function services(...names: string[]): BatchRequest {
  return batch(...names.map((serviceName) => ({ serviceName })))
}

/** As in `web 3000/tcp`, in the order of the answer. */
function shown({ allocations }: Batch): string[] {
  return allocations.map((it) => `${it.serviceName} ${it.portNumber}/${it.protocol}`)
}

export function describeBatches(store: Store) {
  describe('ensureMany', () => {
    it('gives each service the lowest number, in the order of the items', async () => {
      await store().createRange(shopRange(3000, 3009))
      const given = await store().ensureMany(services('web', 'api', 'admin'), { actor: 'ann' })
      expect(shown(given)).toEqual(['web 3000/tcp', 'api 3001/tcp', 'admin 3002/tcp'])
      expect(given.passedOver).toEqual([])
      expect(given.allocations[0]).toEqual({
        ...web,
        id: expect.any(String),
        portNumber: 3000,
        status: 'allocated',
        allocatedAt: expect.any(Date),
        created: true,
      })
      const { events } = await store().history({ limit: 10 })
      expect(events.filter(({ what }) => what === 'allocated')).toMatchObject(
        ['admin', 'api', 'web'].map(() => ({ call: 'allocate_batch', actor: 'ann' })),
      )
    })

    it('is answered though others release its ports at the same time', async () => {
      await store().createRange(shopRange(3000, 3099))
      const rounds = numbers(1, 40).flatMap((nth) => [
        store().ensureMany(services('web', 'api', `new-${nth}`)),
        store().release(web),
      ])
      const outcomes = await Promise.allSettled(rounds)
      expect(outcomes.flatMap((it) => (it.status === 'rejected' ? [it.reason] : []))).toEqual([])
    })

    it('gives the same ports again, and only what is missing, and writes no other event', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(api)
      const first = await store().ensureMany(services('web', 'api'))
      expect(first.allocations.map(({ created }) => created)).toEqual([true, false])
      const { events } = await store().history({ limit: 10 })
      const again = await store().ensureMany(services('web', 'api'))
      expect(again.allocations).toEqual(
        first.allocations.map((each) => ({ ...each, created: false })),
      )
      expect(await store().history({ limit: 10 })).toMatchObject({ events })
    })

    it('gives blocks first, then numbers for both protocols, then the rest', async () => {
      await store().createRange(shopRange(3000, 3009))
      const request = batch(
        { serviceName: 'web' },
        { serviceName: 'dns', protocols: BOTH },
        { serviceName: 'rtp', ...BLOCK },
        { serviceName: 'log', protocols: ['udp'], count: 2 },
      )
      const given = await store().ensureMany(request)
      expect(shown(given)).toEqual([
        'web 3005/tcp',
        'dns 3004/tcp',
        'dns 3004/udp',
        ...numbers(3000, 3003).map((port) => `rtp ${port}/tcp`),
        'log 3000/udp',
        'log 3001/udp',
      ])
      expect(shown(await store().ensureMany(request))).toEqual(shown(given))
    })

    it('finds the lowest block between numbers that are held', async () => {
      await store().createRange(shopRange(3000, 3039))
      for (const portNumber of [3002, 3006, 3012]) await store().claim({ ...api, portNumber })
      const rtp = batch({ serviceName: 'rtp', ...BLOCK })
      expect(shown(await store().ensureMany(rtp))).toEqual(
        numbers(3007, 3010).map((port) => `rtp ${port}/tcp`),
      )
      expect(await store().getOrAllocate(web)).toBe(3000)
    })

    it('finds numbers far above those that were given before', async () => {
      await store().createRange(shopRange(3000, 3999))
      for (const nth of numbers(0, 99)) {
        await store().claim({ ...api, portNumber: 3000 + 2 * nth + 1 })
      }
      const wide = batch({ serviceName: 'rtp', count: 300, contiguous: true })
      const given = await store().ensureMany(wide)
      expect(given.allocations.map(({ portNumber }) => portNumber)).toEqual(numbers(3200, 3499))
      expect(await store().getOrAllocate(web)).toBe(3000)
      const rest = await store().ensureMany(batch({ serviceName: 'rest', count: 599 }))
      expect(rest.allocations.at(-1)!.portNumber).toBe(3999)
      await expect(store().allocate(web)).rejects.toMatchObject({ code: 'RANGE_EXHAUSTED' })
    })

    it('allocates nothing if an item does not fit, and says what would', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().claim({ ...api, portNumber: 3004 })
      const { events } = await store().history({ limit: 10 })
      const block = batch(
        { serviceName: 'web' },
        { serviceName: 'rtp', count: 6, contiguous: true },
      )
      await expect(store().ensureMany(block)).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        message: expect.stringContaining('largest block that is available has 5'),
        details: { serviceName: 'rtp', asked: 6, contiguous: true, fits: 5, avoided: 0 },
      })
      await expect(
        store().ensureMany(batch({ serviceName: 'web' }, { serviceName: 'rtp', count: 9 })),
      ).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        message: expect.stringContaining('only 9 are available'),
        details: { projectName: 'shop', asked: 10, fits: 9 },
      })
      expect(await livePorts(store)).toEqual([3004])
      expect(await store().history({ limit: 10 })).toMatchObject({ events })
      expect(await store().getOrAllocate(web)).toBe(3000)
    })

    it('says that a host is full if a batch for both protocols took every number', async () => {
      await store().createRange(shopRange(3000, 3003))
      const dns = batch({ serviceName: 'dns', protocols: BOTH, count: 4 })
      await store().ensureMany({ ...dns, hostname: 'alpha' })
      const more = { ...web, hostname: 'alpha' }
      const full = { code: 'RANGE_EXHAUSTED' }
      const asked = { ...services('web'), hostname: 'alpha' }
      await expect(store().ensureMany(asked)).rejects.toMatchObject({
        ...full,
        details: { fits: 0 },
      })
      const { errors } = await atOnce(4, () => store().allocate(more))
      expect(errors.map(({ code }) => code)).toEqual(Array(4).fill('RANGE_EXHAUSTED'))
      await store().release({ ...more, serviceName: 'dns', portNumber: 3002 })
      expect(await store().allocate(more)).toBe(3002)
    })

    it('gives a number for both protocols only if it is available for both', async () => {
      await store().createRange(shopRange(3000, 3003))
      await store().claim({ ...api, portNumber: 3000 })
      await store().claim({ ...api, protocol: 'udp', portNumber: 3001 })
      await store().claim({ ...api, protocol: 'udp', portNumber: 3003 })
      const dns = batch({ serviceName: 'dns', protocols: BOTH, count: 2 })
      await expect(store().ensureMany(dns)).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        details: { protocols: ['tcp', 'udp'], asked: 2, fits: 1 },
      })
      const one = batch({ serviceName: 'dns', protocols: BOTH })
      expect(shown(await store().ensureMany(one))).toEqual(['dns 3002/tcp', 'dns 3002/udp'])
    })

    it('passes over the numbers to avoid, and tells which', async () => {
      await store().createRange(shopRange(3000, 3019))
      const avoid = {
        tcp: [
          { startPort: 3000, endPort: 3000 },
          { startPort: 3003, endPort: 3003 },
          { startPort: 3015, endPort: 3015 },
        ],
        udp: [{ startPort: 3001, endPort: 3004 }],
      }
      const request = batch(
        { serviceName: 'web' },
        { serviceName: 'dns', protocols: BOTH },
        { serviceName: 'rtp', ...BLOCK },
      )
      const given = await store().ensureMany({ ...request, avoid })
      expect(shown(given)).toEqual([
        'web 3001/tcp',
        'dns 3008/tcp',
        'dns 3008/udp',
        ...numbers(3004, 3007).map((port) => `rtp ${port}/tcp`),
      ])
      expect(given.passedOver).toEqual([
        { portNumber: 3000, protocol: 'tcp' },
        { portNumber: 3003, protocol: 'tcp' },
        ...numbers(3001, 3004).map((portNumber) => ({ portNumber, protocol: 'udp' })),
      ])
      expect((await store().ensureMany({ ...request, avoid })).passedOver).toEqual([])
      const rest = batch({ serviceName: 'rest', count: 14 })
      await expect(store().ensureMany({ ...rest, avoid })).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        details: { fits: 11, avoided: 3 },
      })
    })

    it('counts what is held if it has the layout, in the order of getOrAllocate', async () => {
      await store().createRange(shopRange(3000, 3029))
      await store().allocate(web)
      await store().allocate(web)
      await store().claim({ ...web, portNumber: 3010 })
      for (const portNumber of [3025, 3023, 3020, 3022, 3021]) {
        await store().claim({ ...api, portNumber })
      }
      const held = await store().ensureMany(
        batch({ serviceName: 'web' }, { serviceName: 'api', ...BLOCK }),
      )
      expect(shown(held)).toEqual([
        'web 3010/tcp',
        ...numbers(3020, 3023).map((port) => `api ${port}/tcp`),
      ])
      expect(shown(await store().ensureMany(batch({ serviceName: 'web', count: 2 })))).toEqual([
        'web 3000/tcp',
        'web 3010/tcp',
      ])
    })

    it('refuses a service that holds something else, and says what', async () => {
      await store().createRange(shopRange(3000, 3029))
      await store().claim({ ...web, portNumber: 3000 })
      await store().claim({ ...web, portNumber: 3002 })
      await store().claim({ ...web, protocol: 'udp', portNumber: 3005 })
      for (const [item, words] of [
        [{ count: 3 }, '3 ports for tcp'],
        [{ count: 2, contiguous: true }, '2 contiguous ports for tcp'],
        [{ protocols: BOTH }, 'the same for tcp and udp'],
      ] as const) {
        const asked = batch({ serviceName: 'new' }, { serviceName: 'web', ...item })
        await expect(store().ensureMany(asked)).rejects.toMatchObject({
          code: 'LAYOUT_MISMATCH',
          message: expect.stringContaining(words),
          details: { serviceName: 'web', ...item, held: expect.any(Array) },
        })
        await expect(store().ensureMany(asked)).rejects.toThrow(/shop\/web holds 3000\/tcp, 3002/)
      }
      expect(await livePorts(store)).toEqual([3000, 3002, 3005])
    })

    it('keeps hosts and instances apart', async () => {
      await store().createRange(shopRange(3000, 3009))
      const request = services('web', 'api')
      await store().ensureMany(request)
      const there = await store().ensureMany({ ...request, hostname: 'alpha' })
      const copy = await store().ensureMany({ ...request, instance: 'copy' })
      expect(shown(there)).toEqual(['web 3000/tcp', 'api 3001/tcp'])
      expect(shown(copy)).toEqual(['web 3002/tcp', 'api 3003/tcp'])
      expect(copy.allocations[0]).toMatchObject({ instance: 'copy', hostname: 'localhost' })
    })

    it('stores metadata of new ports, and fills in what others lack', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate({ ...web, description: 'Storefront' })
      const request = { ...services('web', 'api'), serviceType: 'vite', description: 'All' }
      const { allocations } = await store().ensureMany(request)
      expect(allocations).toMatchObject([
        { serviceType: 'vite', description: 'Storefront', created: false },
        { serviceType: 'vite', description: 'All', created: true },
      ])
      expect(await heldBy(store, api)).toEqual([
        { portNumber: 3001, serviceType: 'vite', description: 'All' },
      ])
    })

    it('gives the same ports to twenty concurrent callers that request the same', async () => {
      await store().createRange(shopRange(3000, 3199))
      const request = batch(
        { serviceName: 'web' },
        { serviceName: 'rtp', ...BLOCK },
        { serviceName: 'dns', protocols: BOTH },
      )
      const given = await Promise.all(numbers(1, 20).map(() => store().ensureMany(request)))
      expect(new Set(given.map((each) => shown(each).join()))).toEqual(
        new Set([shown(given[0]!).join()]),
      )
      expect(given.filter(({ allocations }) => allocations[0]!.created)).toHaveLength(1)
      expect(await livePorts(store)).toHaveLength(7)
    })

    it('gives each number once to concurrent batches, gets and claims, and one number to each service', async () => {
      await store().createRange(shopRange(3000, 3299))
      const names = numbers(1, 6).map((nth) => `service-${nth}`)
      const asked = await Promise.all(
        numbers(1, 30).map(async (nth) => {
          const serviceName = names[nth % names.length]!
          if (nth % 3 === 0) {
            const order = [...names.slice(nth % 6), ...names.slice(0, nth % 6)]
            const { allocations } = await store().ensureMany(services(...order))
            return allocations.map((it) => `${it.serviceName} ${it.portNumber}`)
          }
          if (nth % 3 === 1) {
            return [`${serviceName} ${await store().getOrAllocate({ ...web, serviceName })}`]
          }
          await store()
            .claim({ ...web, serviceName: 'claimed', portNumber: 3000 + nth })
            .catch((error) => expect(error).toMatchObject({ code: 'PORT_TAKEN' }))
          return []
        }),
      )
      const told = [...new Set(asked.flat())]
      expect(new Set(told.map((it) => it.split(' ')[0]))).toEqual(new Set(names))
      expect(told).toHaveLength(names.length)
      const live = await livePorts(store)
      expect(new Set(live).size).toBe(live.length)
    })

    it('gives a claimed number or a new one if a claim meets a batch of the same service', async () => {
      await store().createRange(shopRange(3000, 3099))
      for (const nth of numbers(1, 10)) {
        const service = { ...web, serviceName: `web-${nth}` }
        const [{ allocations }] = await Promise.all([
          store().ensureMany(services(service.serviceName, `api-${nth}`)),
          store().claim({ ...service, portNumber: 3050 + nth }),
        ])
        const held = (await heldBy(store, service)).map(({ portNumber }) => portNumber)
        expect(held).toContain(allocations[0]!.portNumber)
        expect(held).toContain(3050 + nth)
        expect(await store().getOrAllocate(service)).toBe(3050 + nth)
      }
    })

    it('gives all of a block or nothing where a get of the same service meets it', async () => {
      await store().createRange(shopRange(3000, 3199))
      for (const nth of numbers(1, 10)) {
        const serviceName = `rtp-${nth}`
        const [block, port] = await Promise.allSettled([
          store().ensureMany(batch({ serviceName, ...BLOCK })),
          store().getOrAllocate({ ...web, serviceName }),
        ])
        const held = (await heldBy(store, { ...web, serviceName })).map((it) => it.portNumber)
        if (block.status === 'fulfilled') {
          expect(held).toEqual(block.value.allocations.map(({ portNumber }) => portNumber))
          expect(held).toHaveLength(4)
        } else {
          expect(block.reason).toMatchObject({ code: 'LAYOUT_MISMATCH' })
          expect(held).toHaveLength(1)
        }
        expect(port).toMatchObject({ status: 'fulfilled', value: held[0] })
      }
    })

    it('drains a range by batches and single calls at once, each number once', async () => {
      await store().createRange(shopRange(3000, 3059))
      const outcomes = await Promise.allSettled(
        numbers(1, 40).map(async (nth) => {
          const serviceName = `worker-${nth}`
          if (nth % 2 === 0) return [await store().allocate({ ...web, serviceName })]
          const { allocations } = await store().ensureMany(
            batch({ serviceName, count: 3, contiguous: nth % 4 === 1 }),
          )
          return allocations.map(({ portNumber }) => portNumber)
        }),
      )
      const given = outcomes.flatMap((it) => (it.status === 'fulfilled' ? it.value : []))
      const errors = outcomes.flatMap((it) => (it.status === 'rejected' ? [it.reason] : []))
      for (const error of errors) expect(error).toMatchObject({ code: 'RANGE_EXHAUSTED' })
      expect(errors.length).toBeGreaterThan(0)
      expect(ascending(given)).toEqual(await livePorts(store))
      expect(new Set(given).size).toBe(given.length)
    })
  })

  describe('allocateMany', () => {
    it('gives so many more, contiguous if asked', async () => {
      await store().createRange(shopRange(3000, 3029))
      await store().allocate(web)
      await store().claim({ ...api, portNumber: 3002 })
      const more = { ...web, count: 2, contiguous: false }
      expect(await store().allocateMany(more)).toEqual([3001, 3003])
      expect(await store().allocateMany({ ...more, contiguous: true })).toEqual([3004, 3005])
      expect(await store().getOrAllocate(web)).toBe(3000)
      expect((await heldBy(store, web)).map(({ portNumber }) => portNumber)).toEqual([
        3000, 3001, 3003, 3004, 3005,
      ])
    })

    it('gives the same again under the same key, and others under another', async () => {
      await store().createRange(shopRange(3000, 3029))
      const keyed = { ...web, count: 4, contiguous: true, idempotencyKey: 'x'.repeat(100) }
      expect(await store().allocateMany(keyed)).toEqual(numbers(3000, 3003))
      expect(await store().allocateMany({ ...keyed, idempotencyKey: 'other' })).toEqual(
        numbers(3004, 3007),
      )
      expect(await store().allocateMany(keyed)).toEqual(numbers(3000, 3003))
      const { idempotencyKey } = keyed
      expect(await store().allocate({ ...web, idempotencyKey })).toBe(3000)
      await expect(store().allocateMany({ ...keyed, count: 5 })).rejects.toMatchObject({
        code: 'LAYOUT_MISMATCH',
        message: expect.stringContaining('under this idempotency key'),
        details: { count: 5, held: expect.objectContaining({ length: 4 }) },
      })
      await store().release(web)
      await store().allocate(api)
      expect(await store().allocateMany(keyed)).toEqual(numbers(3001, 3004))
    })

    it('gives the same ports to twenty concurrent callers with one key', async () => {
      await store().createRange(shopRange(3000, 3199))
      const keyed = { ...web, count: 4, contiguous: true, idempotencyKey: 'one' }
      const given = await Promise.all(numbers(1, 20).map(() => store().allocateMany(keyed)))
      expect(given).toEqual(given.map(() => given[0]))
      expect(await livePorts(store)).toEqual(given[0])
    })

    it('gives four ports to each of twenty concurrent callers without a key', async () => {
      await store().createRange(shopRange(3000, 3079))
      const more = { ...web, count: 4, contiguous: false }
      const given = await Promise.all(numbers(1, 20).map(() => store().allocateMany(more)))
      expect(ascending(given.flat())).toEqual(numbers(3000, 3079))
      await expect(store().allocateMany(more)).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        details: { asked: 4, fits: 0 },
      })
    })

    it('passes over the numbers to avoid', async () => {
      await store().createRange(shopRange(3000, 3009))
      const avoid = [{ startPort: 3001, endPort: 3001 }]
      const more = { ...web, count: 3, contiguous: false, avoid }
      expect(await store().allocateMany(more)).toEqual([3000, 3002, 3003])
    })
  })
}
