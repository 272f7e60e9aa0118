import { beforeEach, describe, expect, it } from 'vitest'
import type { BatchRequest } from '../src/BatchStore.js'
import type { Bounds } from '../src/PortRange.js'
import type { PortRepository } from '../src/PortRepository.js'
import type { ReservationRequest } from '../src/ReservationStore.js'
import { api, heldBy, livePorts, numbers, type Store, shopRange, web } from './shop.js'

const SCOPE = { hostname: 'localhost', protocol: 'tcp' } as const

function batch(count: number): BatchRequest {
  const { projectName, instance, hostname } = web
  const item = { serviceName: 'batch', protocols: ['tcp'] as const, count, contiguous: false }
  return { projectName, instance, hostname, items: [item] }
}

/** Every way to get a number that the caller does not name, with the returned numbers. */
const AUTOMATIC: Readonly<Record<string, (store: PortRepository) => Promise<readonly number[]>>> = {
  getOrAllocate: async (store) => [await store.getOrAllocate(web)],
  ensure: async (store) => [(await store.ensure(web)).portNumber],
  'ensure with a preferred number': async (store) => [
    (await store.ensure({ ...web, preferredPort: 3001 })).portNumber,
  ],
  allocate: async (store) => [await store.allocate(web)],
  allocateMany: (store) => store.allocateMany({ ...web, count: 2, contiguous: false }),
  'allocateMany of a block': (store) => store.allocateMany({ ...web, count: 2, contiguous: true }),
  ensureMany: async (store) =>
    (await store.ensureMany(batch(2))).allocations.map(({ portNumber }) => portNumber),
}

export function describeReservations(store: Store) {
  const reserve = (startPort: number, endPort: number, more: Partial<ReservationRequest> = {}) =>
    store().reserve({ startPort, endPort, reason: 'migration', ...more })
  const summary = (avoid: readonly Bounds[] = [], projectName = 'shop') =>
    store().summarize(projectName, SCOPE, avoid)

  describe('reserve', () => {
    beforeEach(async () => {
      await store().createRange(shopRange(3000, 3009))
    })

    it('returns the reservation, which is then listed', async () => {
      const endsAt = new Date(Date.now() + 3_600_000)
      const limited = { hostname: 'nas', protocol: 'udp', endsAt } as const
      const first = await store().reserve(
        { startPort: 3001, endPort: 3004, reason: 'migration', ...limited },
        { actor: 'ann' },
      )
      expect(first).toEqual({
        ...{ startPort: 3001, endPort: 3004, reason: 'migration', reservedBy: 'ann' },
        ...limited,
        createdAt: expect.any(Date),
      })
      const second = await reserve(3000, 3000)
      expect(second).toEqual({
        ...{ startPort: 3000, endPort: 3000, reason: 'migration' },
        createdAt: expect.any(Date),
      })
      expect(await store().listReservations()).toEqual([second, first])
    })

    it.each(Object.entries(AUTOMATIC))('keeps its numbers from %s', async (_way, give) => {
      await reserve(3000, 3002)
      const given = await give(store())
      expect(given).toEqual(numbers(3003, 3002 + given.length))
    })

    it.each(Object.entries(AUTOMATIC))(
      'keeps numbers that were held before from %s',
      async (_way, give) => {
        for (const portNumber of numbers(3000, 3004)) await store().claim({ ...api, portNumber })
        await store().release(api)
        await reserve(3000, 3002)
        const given = await give(store())
        expect(given).toEqual(numbers(3003, 3002 + given.length))
      },
    )

    it('keeps its numbers between those that are given', async () => {
      await reserve(3001, 3002)
      await reserve(3004, 3004)
      const given: number[] = []
      for (const _ of numbers(1, 7)) given.push(await store().allocate(web))
      expect(given).toEqual([3000, 3003, ...numbers(3005, 3009)])
    })

    it('has a batch find a block beside its numbers', async () => {
      await reserve(3003, 3003)
      const block = { ...web, count: 4, contiguous: true }
      expect(await store().allocateMany(block)).toEqual(numbers(3004, 3007))
      expect(await store().allocateMany({ ...block, count: 3 })).toEqual(numbers(3000, 3002))
    })

    it('may cover numbers that nobody owns, and keeps them when they become a range', async () => {
      await reserve(4000, 4004)
      await store().addRange(shopRange(4000, 4009))
      await store().removeRange('shop', { from: 3000 })
      expect(await store().allocate(web)).toBe(4005)
    })

    it('may cover more numbers than are offered at once', async () => {
      await store().addRange(shopRange(4000, 4999))
      await store().removeRange('shop', { from: 3000 })
      await reserve(4000, 4799)
      expect(await store().allocate(web)).toBe(4800)
      expect(await store().allocateMany({ ...web, count: 3, contiguous: true })).toEqual(
        numbers(4801, 4803),
      )
    })

    it('tells which of its numbers were passed over, and which were avoided', async () => {
      await reserve(3000, 3001)
      const avoid = [{ startPort: 3003, endPort: 3003 }]
      expect(await store().ensure({ ...web, avoid })).toEqual({
        ...{ portNumber: 3002, created: true, passedOver: [3000, 3001], resting: [] },
      })
      const { passedOver } = await store().ensureMany({ ...batch(1), avoid: { tcp: avoid } })
      expect(passedOver.map(({ portNumber }) => portNumber)).toEqual([3000, 3001, 3003])
      const more = { ...batch(1), instance: 'copy' }
      expect((await store().ensureMany(more)).passedOver).toEqual(
        [3000, 3001].map((portNumber) => ({ portNumber, protocol: 'tcp' })),
      )
    })

    it('can be for one host', async () => {
      await reserve(3000, 3001, { hostname: 'nas' })
      expect(await store().allocate({ ...web, hostname: 'nas' })).toBe(3002)
      expect(await store().allocate(web)).toBe(3000)
    })

    it('can be for one protocol', async () => {
      await reserve(3000, 3001, { protocol: 'udp' })
      expect(await store().allocate({ ...web, protocol: 'udp' })).toBe(3002)
      expect(await store().allocate(web)).toBe(3000)
      const { projectName, instance, hostname } = web
      const dns = { serviceName: 'dns', protocols: ['tcp', 'udp'], contiguous: false } as const
      const items = [{ ...dns, count: 1 }]
      const { allocations } = await store().ensureMany({ projectName, instance, hostname, items })
      expect(allocations.map(({ portNumber }) => portNumber)).toEqual([3003, 3003])
    })

    it('is for every host and both protocols otherwise', async () => {
      await reserve(3000, 3001)
      for (const hostname of ['localhost', 'nas']) {
        for (const protocol of ['tcp', 'udp'] as const) {
          expect(await store().allocate({ ...web, hostname, protocol })).toBe(3002)
        }
      }
    })

    it('leaves services the numbers that they hold', async () => {
      await store().allocate({ ...web, idempotencyKey: 'first' })
      await reserve(3000, 3009)
      expect(await store().getOrAllocate(web)).toBe(3000)
      expect(await store().ensure(web)).toMatchObject({ portNumber: 3000, created: false })
      expect(await store().allocate({ ...web, idempotencyKey: 'first' })).toBe(3000)
      expect(await store().claim({ ...web, portNumber: 3000 })).toBe(false)
      const { projectName, instance, hostname } = web
      const item = { serviceName: 'web', protocols: ['tcp'] as const, count: 1, contiguous: false }
      const { allocations } = await store().ensureMany({
        ...{ projectName, instance, hostname, items: [item] },
      })
      expect(allocations).toMatchObject([{ portNumber: 3000, created: false }])
      expect(await store().update(web, { description: 'Storefront' })).toBe(true)
    })

    it('keeps a number from others once its service has released it', async () => {
      await store().allocate(web)
      await reserve(3000, 3000)
      await store().release(web)
      expect(await store().allocate(api)).toBe(3001)
      expect(await store().getOrAllocate(web)).toBe(3002)
    })

    it('changes the reason and the end if the same numbers are reserved already', async () => {
      const first = await store().reserve(
        { startPort: 3000, endPort: 3001, reason: 'migration' },
        { actor: 'ann' },
      )
      const endsAt = new Date(Date.now() + 3_600_000)
      const changed = await store().reserve(
        { startPort: 3000, endPort: 3001, reason: 'the move', endsAt },
        { actor: 'bob' },
      )
      expect(changed).toEqual({ ...first, reason: 'the move', endsAt, reservedBy: 'bob' })
      expect(await store().listReservations()).toEqual([changed])
      const again = await reserve(3000, 3001, { reason: 'the move' })
      expect(again).not.toHaveProperty('endsAt')
      expect(await store().listReservations()).toEqual([again])
    })

    it('can coexist with reservations of other numbers, hosts and protocols', async () => {
      await reserve(3000, 3001)
      await reserve(3000, 3002)
      await reserve(3000, 3001, { hostname: 'nas' })
      await reserve(3000, 3001, { protocol: 'udp' })
      await reserve(3000, 3001, { hostname: 'nas', protocol: 'udp' })
      const listed = await store().listReservations()
      expect(
        listed.map(({ endPort, hostname, protocol }) => [endPort, hostname, protocol]),
      ).toEqual([
        [3001, undefined, undefined],
        [3001, undefined, 'udp'],
        [3001, 'nas', undefined],
        [3001, 'nas', 'udp'],
        [3002, undefined, undefined],
      ])
      await store().unreserve({ startPort: 3000, endPort: 3001 })
      expect(await store().allocate(web)).toBe(3003)
    })

    it('is one reservation if twenty callers request it concurrently', async () => {
      const told = await Promise.all(numbers(1, 20).map(() => reserve(3000, 3001)))
      const listed = await store().listReservations()
      expect(listed).toHaveLength(1)
      for (const each of told) expect(each).toEqual(listed[0])
    })

    it('refuses an end that has passed', async () => {
      await expect(
        reserve(3000, 3001, { endsAt: new Date(Date.now() - 3_600_000) }),
      ).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('must be in the future'),
        details: { field: 'endsAt' },
      })
      expect(await store().listReservations()).toEqual([])
    })

    it('has no effect after its end', async () => {
      await reserve(3000, 3001, { endsAt: new Date(Date.now() + 1_500) })
      expect(await store().allocate(web)).toBe(3002)
      await expect
        .poll(() => store().listReservations(), { timeout: 30_000, interval: 50 })
        .toEqual([])
      expect(await summary()).toMatchObject({ reservedPorts: 0, allocatableNow: 9 })
      expect(await store().unreserve({ startPort: 3000, endPort: 3001 })).toEqual([])
      expect(await store().claim({ ...web, portNumber: 3001 })).toBe(true)
      expect(await store().allocate(api)).toBe(3000)
      expect((await store().dump()).reservations).toEqual([])
      const again = await reserve(3000, 3001)
      expect(await store().listReservations()).toEqual([again])
    })
  })

  describe('a claim of a reserved number', () => {
    const until = new Date(Date.now() + 86_400_000)

    beforeEach(async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().reserve(
        { startPort: 3004, endPort: 3006, reason: 'migration', endsAt: until },
        { actor: 'ann' },
      )
    })

    it('is refused with the reason, who reserved it, and the end', async () => {
      await expect(store().claim({ ...web, portNumber: 3005 })).rejects.toMatchObject({
        code: 'PORT_RESERVED',
        message: expect.stringContaining(
          `Port 3005 is reserved on localhost/tcp with 3004-3006 by ann until ` +
            `${until.toISOString().slice(0, 19)}Z: migration.`,
        ),
        details: {
          ...{ portNumber: 3005, ...SCOPE, startPort: 3004, endPort: 3006 },
          ...{ reason: 'migration', reservedBy: 'ann', endsAt: until.toISOString() },
        },
      })
      expect(await livePorts(store)).toEqual([])
      expect(await store().allocate(web)).toBe(3000)
    })

    it('is refused with the reservation that ends last', async () => {
      await reserve(3005, 3005, { reason: 'a day', endsAt: new Date(until.getTime() - 1000) })
      const claim = () => store().claim({ ...web, portNumber: 3005 })
      await expect(claim()).rejects.toMatchObject({ details: { reason: 'migration' } })
      await reserve(3000, 3009, { reason: 'forbidden' })
      await expect(claim()).rejects.toMatchObject({
        details: { reason: 'forbidden', endsAt: null, reservedBy: null },
      })
    })

    it('takes it on request', async () => {
      const claim = { ...web, portNumber: 3005, useReservation: true }
      expect(await store().claim(claim)).toBe(true)
      expect(await store().claim(claim)).toBe(false)
      expect(await store().getOrAllocate(web)).toBe(3005)
      expect(await store().listReservations()).toHaveLength(1)
    })

    it('takes it in another scope, which the reservation does not cover', async () => {
      await reserve(3008, 3008, { hostname: 'nas', protocol: 'udp' })
      for (const scope of [SCOPE, { hostname: 'nas', protocol: 'tcp' } as const]) {
        expect(await store().claim({ ...web, ...scope, portNumber: 3008 })).toBe(true)
      }
      await expect(
        store().claim({ ...web, hostname: 'nas', protocol: 'udp', portNumber: 3008 }),
      ).rejects.toMatchObject({ code: 'PORT_RESERVED', details: { hostname: 'nas' } })
    })

    it('is refused as taken if another service holds it, and names no reserved number', async () => {
      await store().claim({ ...api, portNumber: 3003, useReservation: true })
      await store().claim({ ...api, portNumber: 3005, useReservation: true })
      for (const useReservation of [false, true]) {
        await expect(
          store().claim({ ...web, portNumber: 3005, useReservation }),
        ).rejects.toMatchObject({ code: 'PORT_TAKEN', details: { nearest: [3002, 3007, 3008] } })
      }
    })

    it('is refused as out of range if the project does not own it', async () => {
      await reserve(5000, 5000)
      for (const useReservation of [false, true]) {
        await expect(
          store().claim({ ...web, portNumber: 5000, useReservation }),
        ).rejects.toMatchObject({ code: 'PORT_OUT_OF_RANGE' })
      }
    })
  })

  describe('unreserve', () => {
    beforeEach(async () => {
      await store().createRange(shopRange(3000, 3009))
    })

    it('returns what it removed, and its numbers can be given again', async () => {
      const reserved = await reserve(3000, 3002)
      const bounds = { startPort: 3000, endPort: 3002 }
      expect(await store().unreserve(bounds)).toEqual([reserved])
      expect(await store().unreserve(bounds)).toEqual([])
      expect(await store().listReservations()).toEqual([])
      expect(await store().allocate(web)).toBe(3000)
    })

    it('leaves reservations of other numbers', async () => {
      await reserve(3000, 3002)
      for (const [startPort, endPort] of [
        [3000, 3001],
        [3001, 3002],
        [3000, 3003],
      ] as const) {
        expect(await store().unreserve({ startPort, endPort })).toEqual([])
      }
      expect(await store().allocate(web)).toBe(3003)
    })

    it('removes those of one host or protocol if that is asked, else all', async () => {
      const bounds = { startPort: 3000, endPort: 3002 }
      const everywhere = await reserve(3000, 3002)
      const udp = await reserve(3000, 3002, { protocol: 'udp' })
      const nas = await reserve(3000, 3002, { hostname: 'nas' })
      const nasUdp = await reserve(3000, 3002, { hostname: 'nas', protocol: 'udp' })
      expect(await store().unreserve({ ...bounds, hostname: 'pi' })).toEqual([])
      expect(await store().unreserve({ ...bounds, hostname: 'nas', protocol: 'udp' })).toEqual([
        nasUdp,
      ])
      expect(await store().unreserve({ ...bounds, hostname: 'nas' })).toEqual([nas])
      expect(await store().listReservations()).toEqual([everywhere, udp])
      expect(await store().unreserve(bounds)).toHaveLength(2)
    })
  })

  describe('a range of which numbers are reserved', () => {
    it('has its summary count them as parts of what is available', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().claim({ ...web, portNumber: 3000 })
      await reserve(2990, 3002)
      const avoid = [
        { startPort: 3002, endPort: 3003 },
        { startPort: 3009, endPort: 4000 },
      ]
      expect(await summary()).toMatchObject({
        ...{ availablePorts: 9, reservedPorts: 2, unusablePorts: 0, allocatableNow: 7 },
      })
      // 3002 is reserved and to be avoided.
      expect(await summary(avoid)).toMatchObject({
        ...{ availablePorts: 9, reservedPorts: 2, unusablePorts: 3, allocatableNow: 5 },
      })
      await store().release(web)
      expect(await summary(avoid)).toMatchObject({
        ...{ availablePorts: 10, reservedPorts: 3, unusablePorts: 3, allocatableNow: 5 },
      })
      await reserve(3001, 3005)
      expect(await summary()).toMatchObject({ reservedPorts: 6, allocatableNow: 4 })
    })

    it('has its summary count what is reserved in that scope', async () => {
      await store().createRange(shopRange(3000, 3009))
      await reserve(3000, 3002, { protocol: 'udp' })
      await reserve(3005, 3005, { hostname: 'nas' })
      expect(await summary()).toMatchObject({ reservedPorts: 0, allocatableNow: 10 })
      const onNas = { hostname: 'nas', protocol: 'udp' } as const
      expect(await store().summarize('shop', onNas, [])).toMatchObject({
        ...{ reservedPorts: 4, allocatableNow: 6 },
      })
    })

    it('is exhausted when nothing else is left, and counts held, reserved and passed over', async () => {
      await store().createRange(shopRange(3000, 3005))
      await store().claim({ ...api, portNumber: 3005 })
      await reserve(3000, 3001)
      const avoid = [{ startPort: 3001, endPort: 3004 }]
      for (const call of [
        () => store().allocate({ ...web, avoid }),
        () => store().getOrAllocate({ ...web, avoid }),
        () => store().ensure({ ...web, avoid }),
        () => store().ensure({ ...web, avoid, preferredPort: 3000 }),
      ]) {
        await expect(call()).rejects.toMatchObject({
          code: 'RANGE_EXHAUSTED',
          message: expect.stringContaining('are held (1), reserved (2), or passed over (3)'),
          details: { reserved: 2, avoided: 3, availablePorts: 5, allocatedPorts: 1 },
        })
      }
      expect(await livePorts(store)).toEqual([3005])
    })

    it('says to remove the reservation if everything is reserved', async () => {
      await store().createRange(shopRange(3000, 3005))
      await reserve(1, 65_535)
      await expect(store().allocate(web)).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        message: expect.stringContaining('Remove the reservation'),
        details: { reserved: 6, avoided: 0 },
      })
      expect(await store().claim({ ...web, portNumber: 3000, useReservation: true })).toBe(true)
    })

    it('says to a batch that does not fit how many are reserved and passed over', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().claim({ ...api, portNumber: 3009 })
      await reserve(3002, 3005)
      const avoid = [{ startPort: 3005, endPort: 3006 }]
      await expect(
        store().ensureMany({ ...batch(5), avoid: { tcp: avoid } }),
      ).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        message: expect.stringContaining(
          'only 4 are available. 4 more are reserved. 1 more is passed over.',
        ),
        details: { asked: 5, fits: 4, reserved: 4, avoided: 1 },
      })
      const block = { ...web, count: 4, contiguous: true, avoid }
      await expect(store().allocateMany(block)).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        details: { asked: 4, fits: 2, reserved: 4, avoided: 1 },
      })
      expect(await livePorts(store)).toEqual([3009])
    })

    it('can be resized, narrowed and deleted, and the reservation stays', async () => {
      await store().createRange(shopRange(3000, 3009))
      await reserve(3000, 3002)
      await store().resizeRange('shop', { startPort: 3001, endPort: 3019 })
      expect(await store().allocate(web)).toBe(3003)
      await store().release(web)
      await store().deleteRange('shop')
      expect(await store().listReservations()).toHaveLength(1)
    })
  })

  describe('reservations', () => {
    const holding = (portNumber: number) => ({ ...web, portNumber })

    it('are conflicts of an import, unless the service holds the number', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().claim({ ...web, portNumber: 3001 })
      await store().claim({ ...api, portNumber: 3002 })
      await reserve(3000, 3002)
      await reserve(9000, 9000, { hostname: 'nas', reason: 'the old host' })
      const rows = [
        holding(3000),
        holding(3001),
        holding(3002),
        holding(3003),
        { ...holding(9000), hostname: 'nas' },
        { ...api, portNumber: 9000, projectName: 'blog' },
      ]
      const outcomes = await store().importPorts(rows, { dryRun: false, skipConflicts: true })
      expect(outcomes).toMatchObject([
        {
          outcome: 'conflict',
          changes: false,
          createsRange: false,
          conflict: {
            code: 'PORT_RESERVED',
            message: expect.stringContaining('Port 3000 is reserved on localhost/tcp'),
            details: { portNumber: 3000, reason: 'migration' },
          },
        },
        { outcome: 'held' },
        { outcome: 'conflict', conflict: { code: 'PORT_TAKEN' } },
        { outcome: 'claimed' },
        {
          outcome: 'conflict',
          createsRange: false,
          conflict: { code: 'PORT_RESERVED', details: { hostname: 'nas' } },
        },
        { outcome: 'claimed', createsRange: true },
      ])
      expect(await livePorts(store)).toEqual([3001, 3002, 3003, 9000])
    })

    it('keep an import from changing anything unless conflicts are to be skipped', async () => {
      await store().createRange(shopRange(3000, 3009))
      await reserve(3000, 3002)
      const rows = [holding(3001), { ...api, portNumber: 4000 }]
      for (const dryRun of [true, false]) {
        const outcomes = await store().importPorts(rows, { dryRun, skipConflicts: false })
        expect(outcomes.map(({ outcome }) => outcome)).toEqual(['conflict', 'claimed'])
      }
      expect(await livePorts(store)).toEqual([])
      expect(await store().listRanges()).toEqual([shopRange(3000, 3009)])
    })

    it('are dumped and loaded, in place of those that are there', async () => {
      await store().createRange(shopRange(3000, 3009))
      const endsAt = new Date(Date.now() + 3_600_000)
      await store().reserve(
        { startPort: 3000, endPort: 3001, reason: 'migration', endsAt },
        { actor: 'ann' },
      )
      await reserve(3003, 3003, { hostname: 'nas', protocol: 'udp' })
      const reservations = await store().listReservations()
      const { events } = await store().history({ limit: 100 })
      const content = await store().dump()
      expect(content.reservations).toHaveLength(2)
      await store().unreserve({ startPort: 3003, endPort: 3003 })
      await reserve(3005, 3005)
      await store().deleteRange('shop')

      await store().load({
        ...{ format: 'ports-registry', version: 1, takenAt: '2026-11-27T00:00:00.000Z' },
        ...content,
      })
      expect(await store().listReservations()).toEqual(reservations)
      expect((await store().history({ limit: events.length })).events).toEqual(events)
      expect(await store().dump()).toMatchObject({ reservations: content.reservations })
      expect(await store().allocate(web)).toBe(3002)
    })

    it('are in the history, with their numbers', async () => {
      await store().createRange(shopRange(3000, 3009))
      const endsAt = new Date(Date.now() + 3_600_000)
      await store().reserve({ startPort: 3000, endPort: 3001, reason: 'old' }, { actor: 'ann' })
      await store().reserve(
        { startPort: 3000, endPort: 3001, reason: 'new', endsAt },
        { actor: 'bob' },
      )
      await reserve(3000, 3001, { reason: 'new', endsAt })
      await reserve(3001, 3005, { hostname: 'nas', protocol: 'udp' })
      await store().unreserve({ startPort: 3000, endPort: 3001 }, { actor: 'eve' })
      await store().claim({ ...web, portNumber: 3001 })
      const bounds = { startPort: 3000, endPort: 3001 }
      const before = { ...bounds, reason: 'old' }
      const after = { ...bounds, reason: 'new', endsAt: endsAt.toISOString() }
      const told = async (portNumber: number) =>
        (await store().history({ portNumber, limit: 100 })).events.map(
          ({ id: _, at: __, role: ___, allocationId: ____, ...event }) => event,
        )
      const changes = [
        { call: 'unreserve_ports', what: 'unreserved', actor: 'eve', before: after },
        { call: 'reserve_ports', what: 'reserved', actor: 'bob', before, after },
        { call: 'reserve_ports', what: 'reserved', actor: 'ann', after: before },
      ]
      const there = {
        ...{ call: 'reserve_ports', what: 'reserved', hostname: 'nas', protocol: 'udp' },
        after: { startPort: 3001, endPort: 3005, reason: 'migration' },
      }
      await expect.poll(() => told(3000), { timeout: 30_000 }).toEqual(changes)
      expect(await told(3001)).toEqual([
        expect.objectContaining({ what: 'allocated', portNumber: 3001 }),
        changes[0],
        there,
        ...changes.slice(1),
      ])
      expect(await told(3005)).toEqual([there])
      expect(await told(3006)).toEqual([])
      const { events } = await store().history({ projectName: 'shop', limit: 100 })
      expect(events.map(({ what }) => what)).toEqual(['allocated', 'range-created'])
    })

    it('leave no event where nothing changes', async () => {
      await store().createRange(shopRange(3000, 3009))
      await reserve(3000, 3001)
      const { events } = await store().history({ limit: 100 })
      await reserve(3000, 3001)
      await store().unreserve({ startPort: 3002, endPort: 3003 })
      await store().listReservations()
      await expect(store().claim({ ...web, portNumber: 3000 })).rejects.toThrow()
      expect((await store().history({ limit: 100 })).events).toEqual(events)
      expect(await heldBy(store, web)).toEqual([])
    })

    it('are never given to calls that start after the acknowledgement', async () => {
      await store().createRange(shopRange(3000, 3199))
      const busy = numbers(1, 10).map(async (nth) => {
        const service = { ...web, serviceName: `worker-${nth}` }
        for (const _ of numbers(1, 10)) {
          await store().allocate(service)
          await store().release(service)
        }
      })
      await reserve(3000, 3099)
      const given = await Promise.all([
        ...numbers(1, 20).map((nth) => store().getOrAllocate({ ...web, serviceName: `s-${nth}` })),
        ...numbers(1, 20).map(() => store().allocate(api)),
      ])
      await Promise.all(busy)
      expect(Math.min(...given)).toBeGreaterThanOrEqual(3100)
    })
  })
}
