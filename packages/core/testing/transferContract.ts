import { describe, expect, it } from 'vitest'
import type { CheckoutRequest } from '../src/CheckoutStore.js'
import type { Holding } from '../src/TransferStore.js'
import {
  DOCUMENT_VERSION,
  type RegistryContent,
  type RegistryDocument,
} from '../src/transfer/RegistryDocument.js'
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

export function describeTransfers(store: Store) {
  const plan = { dryRun: true, skipConflicts: false }
  const all = { dryRun: false, skipConflicts: false }
  const some = { dryRun: false, skipConflicts: true }
  const holding = (portNumber: number, of: Partial<Holding> = {}): Holding => ({
    ...web,
    portNumber,
    ...of,
  })
  const outcomesOf = async (holdings: readonly Holding[], mode = all) =>
    (await store().importPorts(holdings, mode)).map(({ outcome }) => outcome)
  const checkoutIn = (directory: string): CheckoutRequest => ({
    projectName: 'shop',
    hostname: 'localhost',
    directory,
    isLinked: false,
    wanted: 'copy',
  })
  const documentOf = (content: RegistryContent): RegistryDocument => ({
    format: 'ports-registry',
    version: DOCUMENT_VERSION,
    takenAt: '2026-11-27T00:00:00.000Z',
    ...content,
  })

  describe('importPorts', () => {
    it('gives each service its number, and makes ranges of numbers without an owner', async () => {
      await store().createRange(shopRange(3000, 3009))
      const outcomes = await store().importPorts(
        [
          holding(3005, { description: 'Storefront', serviceType: 'vite' }),
          holding(8096, { ...api, hostname: 'nas', boundTo: 'nas' }),
          holding(9000, { projectName: 'blog' }),
        ],
        all,
      )
      const claimed = { outcome: 'claimed', changes: true, addsMetadata: false }
      expect(outcomes).toEqual([
        { ...claimed, createsRange: false },
        { ...claimed, createsRange: true },
        { ...claimed, createsRange: true },
      ])
      expect(await heldBy(store, web)).toEqual([
        { portNumber: 3005, description: 'Storefront', serviceType: 'vite' },
      ])
      expect(await store().listRanges()).toEqual([
        shopRange(3000, 3009),
        { ...shopRange(8096, 8096), hostname: 'nas' },
        { projectName: 'blog', startPort: 9000, endPort: 9000 },
      ])
    })

    it('may be repeated', async () => {
      const rows = [holding(3000), holding(3001, api)]
      expect(await outcomesOf(rows)).toEqual(['claimed', 'claimed'])
      expect(await outcomesOf(rows)).toEqual(['held', 'held'])
      expect(await livePorts(store)).toEqual([3000, 3001])
    })

    it('has the first of several numbers of a service be the one it is asked for', async () => {
      const rows = [holding(3005), holding(3001), holding(3003)]
      await outcomesOf(rows)
      expect(await store().find(web)).toBe(3005)
      const before = await store().dump()
      const again = await store().importPorts(rows, all)
      expect(again.map(({ outcome, changes }) => ({ outcome, changes }))).toEqual(
        rows.map(() => ({ outcome: 'held', changes: false })),
      )
      expect(await store().dump()).toEqual(before)
    })

    it.each([
      ['is new', 3005, 'claimed'],
      ['was held beside it', 3002, 'held'],
    ])('tells whose place a number takes that %s', async (_, portNumber, outcome) => {
      await store().createRange(shopRange(3000, 3009))
      await store().claim({ ...web, portNumber: 3002 })
      await store().claim({ ...web, portNumber: 3001 })
      const rows = [holding(portNumber), holding(3003)]
      const expected = [
        { outcome, changes: true, insteadOf: 3001 },
        { outcome: 'claimed', changes: true },
      ]
      for (const mode of [plan, all]) {
        const outcomes = await store().importPorts(rows, mode)
        expect(outcomes).toMatchObject(expected)
        expect(outcomes[1]).not.toHaveProperty('insteadOf')
      }
      expect(await store().find(web)).toBe(portNumber)
      expect((await heldBy(store, web)).map((held) => held.portNumber)).toContain(3001)
    })

    it('gives a held port the metadata that it lacks, and overwrites none', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().claim({ ...web, portNumber: 3000, description: 'Storefront' })
      const rows = [holding(3000, { description: 'Another', serviceType: 'vite' })]
      const [completed] = await store().importPorts(rows, all)
      expect(completed).toMatchObject({ outcome: 'held', changes: true, addsMetadata: true })
      expect(await heldBy(store, web)).toEqual([
        { portNumber: 3000, description: 'Storefront', serviceType: 'vite' },
      ])
      const [again] = await store().importPorts(rows, all)
      expect(again).toMatchObject({ outcome: 'held', changes: false, addsMetadata: false })
    })

    it('keeps each row’s metadata and instance, and writes an event for it', async () => {
      await outcomesOf([
        holding(3000, { description: 'One', serviceType: 'vite' }),
        holding(3001, { instance: 'login', cloudflareHostname: 'login.example.com' }),
      ])
      const login = { ...web, instance: 'login' }
      expect(await heldBy(store, login)).toEqual([
        { portNumber: 3001, cloudflareHostname: 'login.example.com' },
      ])
      const { events } = await store().history({ limit: 10 })
      expect(events.toReversed().map(({ what, call }) => `${call} ${what}`)).toEqual([
        ...Array(2).fill('import_ports range-created'),
        ...Array(2).fill('import_ports allocated'),
      ])
      expect(events.map(({ after }) => after)).toContainEqual({
        cloudflareHostname: 'login.example.com',
      })
    })

    it('lets projects own one number each on a host of its own, and names who was first', async () => {
      const nas = { hostname: 'nas', boundTo: 'nas' }
      const outcomes = await store().importPorts(
        [
          holding(3000, nas),
          holding(3000, { projectName: 'blog', hostname: 'pi', boundTo: 'pi' }),
          holding(3000, { projectName: 'blog', protocol: 'udp', ...nas }),
          holding(3001, { projectName: 'blog', ...nas }),
          holding(3001),
        ],
        some,
      )
      expect(outcomes).toMatchObject([
        { outcome: 'claimed' },
        { outcome: 'claimed' },
        { outcome: 'conflict', conflict: { details: { range: { projectName: 'shop' } } } },
        // A range for every host comes before one for one host.
        { outcome: 'conflict', conflict: { details: { range: { projectName: 'shop' } } } },
        { outcome: 'claimed' },
      ])
    })

    it('changes nothing in a dry run, and tells the same', async () => {
      const rows = [holding(3000), holding(3000, api)]
      const outcomes = await store().importPorts(rows, plan)
      expect(outcomes.map(({ outcome }) => outcome).toSorted()).toEqual(['claimed', 'conflict'])
      expect(await store().listRanges()).toEqual([])
      expect(await livePorts(store)).toEqual([])
      expect((await store().history({ limit: 10 })).events).toEqual([])
    })

    it('imports nothing if a row collides, and names both sides', async () => {
      await store().createRange({ projectName: 'blog', startPort: 9000, endPort: 9009 })
      await store().createRange(shopRange(3000, 3009))
      await store().claim({ ...api, portNumber: 3001 })
      const outcomes = await store().importPorts(
        [holding(3000), holding(3001), holding(9005, api)],
        all,
      )
      expect(outcomes).toMatchObject([
        { outcome: 'claimed' },
        {
          outcome: 'conflict',
          conflict: {
            code: 'PORT_TAKEN',
            details: { portNumber: 3001, projectName: 'shop', serviceName: 'api' },
          },
        },
        {
          outcome: 'conflict',
          createsRange: false,
          conflict: {
            code: 'RANGE_OVERLAP',
            message: '9005 would overlap 9000-9009 of blog. Choose other numbers.',
          },
        },
      ])
      expect(await livePorts(store)).toEqual([3001])
    })

    it('imports the other rows if conflicts are to be skipped', async () => {
      await store().createRange({ projectName: 'blog', startPort: 3001, endPort: 3001 })
      expect(await outcomesOf([holding(3000), holding(3001), holding(3002)], some)).toEqual([
        'claimed',
        'conflict',
        'claimed',
      ])
      expect(await livePorts(store)).toEqual([3000, 3002])
      expect(await store().listRanges()).toHaveLength(3)
    })

    it('gives a number to one of ten who import it for services of their own at the same time', async () => {
      await store().createRange(shopRange(3000, 3009))
      const { ports, errors } = await atOnce(10, async (nth) => {
        const row = holding(3000, { serviceName: `service-${nth}` })
        const [outcome] = await outcomesOf([row])
        return outcome === 'claimed' ? 1 : 0
      })
      expect(errors).toEqual([])
      expect(ports.toSorted()).toEqual([...Array(9).fill(0), 1])
      expect(await livePorts(store)).toEqual([3000])
    })

    it('gives each number once to four who import the same rows at the same time', async () => {
      await store().createRange(shopRange(3000, 3049))
      const rows = numbers(3000, 3049).map((portNumber) =>
        holding(portNumber, { serviceName: `service-${portNumber}` }),
      )
      const { ports, errors } = await atOnce(4, async () => {
        const outcomes = await outcomesOf(rows)
        expect(new Set(outcomes).size).toBe(1)
        return outcomes[0] === 'claimed' ? 1 : 0
      })
      expect(errors).toEqual([])
      expect(ports.toSorted()).toEqual([0, 0, 0, 1])
      expect(await livePorts(store)).toEqual(numbers(3000, 3049))
    })

    it('keeps what it tells while others release, take and update the same ports', async () => {
      await store().createRange(shopRange(3000, 3009))
      const rows = [
        holding(3001, { ...api, description: 'API' }),
        holding(3000, { description: 'Storefront' }),
      ]
      const rounds = numbers(1, 25).flatMap((nth) => [
        store().importPorts(rows, some),
        store().release(web),
        store().release(api),
        store().getOrAllocate({ ...web, serviceName: `other-${nth % 3}` }),
        store().release({ ...web, serviceName: `other-${nth % 3}` }),
      ])
      const outcomes = await Promise.allSettled(rounds)
      expect(outcomes.flatMap((it) => (it.status === 'rejected' ? [it.reason] : []))).toEqual([])
      await store().release({ ...web, serviceName: 'other-0' })
      await store().release({ ...web, serviceName: 'other-1' })
      await store().release({ ...web, serviceName: 'other-2' })
      expect(await outcomesOf(rows)).not.toContain('conflict')
      expect(await heldBy(store, web)).toEqual([{ portNumber: 3000, description: 'Storefront' }])
      expect(await heldBy(store, api)).toEqual([{ portNumber: 3001, description: 'API' }])
    })

    it('takes no number from those who allocate at the same time', async () => {
      await store().createRange(shopRange(3000, 3039))
      const rows = numbers(3000, 3019).map((portNumber) =>
        holding(portNumber, { serviceName: `imported-${portNumber}` }),
      )
      const [outcomes, given] = await Promise.all([
        store().importPorts(rows, some),
        atOnce(20, (nth) => store().allocate({ ...web, serviceName: `service-${nth}` })),
      ])
      expect(given.errors).toEqual([])
      const imported = rows.filter((_, index) => outcomes[index]!.outcome === 'claimed')
      const all = [...given.ports, ...imported.map(({ portNumber }) => portNumber)]
      expect(await livePorts(store)).toEqual(ascending(all))
      for (const { serviceName, portNumber } of imported) {
        expect(await store().find({ ...web, serviceName })).toBe(portNumber)
      }
    })

    it('imports some hundred rows, each with a range of its own', async () => {
      const rows = numbers(1, 300).map((nth) =>
        holding(10_000 + 2 * nth, {
          serviceName: `service-${nth}`,
          hostname: 'nas',
          boundTo: 'nas',
        }),
      )
      expect(new Set(await outcomesOf(rows))).toEqual(new Set(['claimed']))
      expect(await livePorts(store)).toHaveLength(300)
    })
  })

  describe('dump and load', () => {
    /** Claims, several ranges and hosts, metadata, instances, keys, releases. */
    const fill = async () => {
      await store().createRange({ ...shopRange(3000, 3009), description: 'Everything for sale' })
      await store().addRange({ ...shopRange(8096, 8096), hostname: 'nas' })
      await store().createRange({ projectName: 'blog', startPort: 4000, endPort: 4009 })
      await store().allocate({ ...web, serviceType: 'vite', idempotencyKey: 'first' })
      await store().allocate(web)
      await store().claim({ ...web, portNumber: 3007 })
      await store().ensure({ ...web, instance: 'login', protocol: 'udp' })
      await store().claim({ ...api, hostname: 'nas', portNumber: 8096 })
      await store().ensure(api, { actor: 'bob' })
      await store().release(api)
      await store().ensureCheckout(checkoutIn('/srv/shop'))
      await store().ensureCheckout({ ...checkoutIn('/home/ann/shop'), identity: '7:100' })
      const { allocations } = await store().list({ serviceName: 'web' })
      await store().noteAllocations(checkoutIn('/srv/shop'), [allocations[0]!.id])
    }
    const emptied = async () => {
      const { allocations } = await store().list({})
      for (const { portNumber, ...held } of allocations) {
        await store().release({ ...held, portNumber })
      }
      await store().deleteRanges(
        [...new Set((await store().listRanges()).map(({ projectName }) => projectName))].sort(),
      )
    }

    it('put back projects, ranges, ports with their ids, and the history', async () => {
      await fill()
      const { allocations } = await store().list({})
      const ranges = await store().listRanges()
      const { events } = await store().history({ limit: 100 })
      const checkouts = await store().listCheckouts({})
      const content = await store().dump()
      await emptied()

      await store().load(documentOf(content))
      expect((await store().list({})).allocations).toEqual(allocations)
      expect(await store().listRanges()).toEqual(ranges)
      expect(await store().listCheckouts({})).toEqual(checkouts)
      const loaded = (await store().history({ limit: events.length })).events
      expect(loaded).toEqual(events)
      expect(await store().find(web)).toBe(3007)
      expect((await store().dump()).allocations).toEqual(content.allocations)
    })

    it('replace the checkouts of the projects in the document', async () => {
      await fill()
      const content = await store().dump()
      const { checkouts } = content
      await emptied()
      await store().createRange({ projectName: 'mine', startPort: 5000, endPort: 5009 })
      await store().createRange(shopRange(6000, 6009))
      await store().ensureCheckout({ ...checkoutIn('/srv/mine'), projectName: 'mine' })
      await store().ensureCheckout(checkoutIn('/home/ann/shop'))
      await store().load(documentOf(content))
      const { checkouts: loaded } = await store().dump()
      expect(loaded).toEqual([
        expect.objectContaining({ projectName: 'mine', directory: '/srv/mine', instance: '' }),
        ...checkouts,
      ])
      expect(checkouts.map(({ directory, instance }) => [directory, instance])).toEqual([
        ['/srv/shop', ''],
        ['/home/ann/shop', 'copy'],
      ])
    })

    it('go on with numbers, keys and ids where the registry was', async () => {
      await fill()
      const content = await store().dump()
      await emptied()
      await store().load(documentOf(content))
      expect(await store().allocate({ ...web, idempotencyKey: 'first' })).toBe(3000)
      expect(await store().allocate(web)).toBe(3002)
      expect(await store().claim({ ...api, portNumber: 3009 })).toBe(true)
      const highest = Math.max(...content.allocations.map(({ id }) => id))
      const { allocations } = await store().list({ serviceName: 'api' })
      const claimed = allocations.find(({ portNumber }) => portNumber === 3009)
      expect(Number(claimed!.id)).toBeGreaterThan(highest)
      await store().resizeRange('blog', { startPort: 4000, endPort: 4001 })
      expect(await store().allocate({ ...web, projectName: 'blog' })).toBe(4000)
    })

    it('of an empty registry are empty', async () => {
      expect(await store().dump()).toEqual({
        projects: [],
        ranges: [],
        checkouts: [],
        reservations: [],
        limits: [],
        resting: [],
        allocations: [],
        events: [],
      })
      await store().load(documentOf(await store().dump()))
      expect(await store().listRanges()).toEqual([])
    })

    it('leave a registry that holds ports as it is', async () => {
      await fill()
      const content = await store().dump()
      const { count, holders } = { count: content.allocations.length, holders: expect.any(Array) }
      const refused = expect(store().load(documentOf(content))).rejects
      await refused.toMatchObject({
        code: 'RANGE_IN_USE',
        message: expect.stringContaining('shop/web (localhost/tcp)'),
        details: { count, holders },
      })
      expect(await store().dump()).toEqual(content)
    })

    it('refuse ranges that overlap one that is there, and change nothing', async () => {
      await fill()
      const content = await store().dump()
      await emptied()
      const mine = { projectName: 'mine', startPort: 3005, endPort: 3005 }
      await store().createRange(mine)
      await expect(store().load(documentOf(content))).rejects.toMatchObject({
        code: 'RANGE_OVERLAP',
        details: { range: mine },
      })
      expect(await store().listRanges()).toEqual([mine])
    })

    it('name the ranges that overlap and count them', async () => {
      const bounds = numbers(0, 11).map((nth) => [3000 + 10 * nth, 3009 + 10 * nth] as const)
      for (const [nth, [startPort, endPort]] of bounds.entries()) {
        await store().createRange({ projectName: `project-${nth}`, startPort, endPort })
      }
      const content = await store().dump()
      await emptied()
      await store().createRange({ projectName: 'mine', startPort: 3005, endPort: 3114 })
      await expect(store().load(documentOf(content))).rejects.toMatchObject({
        code: 'RANGE_OVERLAP',
        message: expect.stringMatching(
          /^12 ranges overlap others, .*\n3000-3009 of project-0 would overlap 3005-3114 of mine\n(?:.*\n){9}and 2 more$/,
        ),
        details: { count: 12, overlaps: expect.any(Array) },
      })
    })

    it('refuse a port outside the ranges, and change nothing', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      const { ranges, ...content } = await store().dump()
      await emptied()
      await expect(store().load(documentOf({ ...content, ranges: [] }))).rejects.toMatchObject({
        code: 'PORT_OUT_OF_RANGE',
      })
      expect(await store().listRanges()).toEqual([])
      expect(ranges).toHaveLength(1)
    })

    it('show one moment while others allocate and release', async () => {
      await store().createRange(shopRange(3000, 3019))
      const churn = numbers(1, 5).map(async (nth) => {
        for (const _ of numbers(1, 10)) {
          const service = { ...web, serviceName: `service-${nth}` }
          await store().ensure(service)
          await store().release(service)
        }
      })
      const dumps = await Promise.all([
        ...numbers(1, 10).map(() => store().dump()),
        ...churn.map((each) => each.then(() => store().dump())),
      ])
      for (const { allocations, events } of dumps) {
        const open = new Set<number | undefined>()
        for (const { what, allocationId } of events) {
          if (what === 'allocated') open.add(allocationId)
          if (what === 'released') open.delete(allocationId)
        }
        expect(new Set(allocations.map(({ id }) => id))).toEqual(open)
      }
    })
  })
}
