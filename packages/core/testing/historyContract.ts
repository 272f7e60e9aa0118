import { setTimeout as pause } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import type { EventKey, EventQuery } from '../src/EventStore.js'
import type { PortEvent } from '../src/PortEvent.js'
import type { PortRepository } from '../src/PortRepository.js'
import { api, atOnce, numbers, type Store, shopRange, web } from './shop.js'

const storefront = { serviceType: 'vite', description: 'Storefront' }

const blogRange = { projectName: 'blog', startPort: 4000, endPort: 4001 }
const blogWeb = { ...web, projectName: 'blog' }

/**
 * Calls that succeed and change nothing while `web` holds 3000 with the metadata of `storefront`
 * and the idempotency key `first`, and `blog` owns 4000 and 4001.
 */
const WITHOUT_CHANGE: Readonly<Record<string, (store: PortRepository) => Promise<unknown>>> = {
  'getOrAllocate of a port that is held': (store) => store.getOrAllocate(web),
  'getOrAllocate with metadata that is there': (store) =>
    store.getOrAllocate({ ...web, description: 'Something else' }),
  'allocate under a key that was used': (store) =>
    store.allocate({ ...web, idempotencyKey: 'first', cloudflareHostname: 'shop.example.com' }),
  'release of nothing': (store) => store.release(api),
  'update of nothing': (store) => store.update(api, { description: 'Storefront' }),
  'update to what is there': (store) => store.update(web, storefront),
  'resizeRange to the same bounds': (store) =>
    store.resizeRange('blog', { startPort: 4000, endPort: 4001 }),
  'an audit': async (store) => {
    const { allocations } = await store.list({})
    for (const verdict of ['listening', 'not-listening', 'unknown'] as const) {
      await store.recordChecks(allocations.map(({ id }) => ({ allocationId: id, verdict })))
    }
  },
  reading: async (store) => {
    await store.list({ projectName: 'shop' })
    await store.listHosts()
    await store.listRanges()
    await store.summarize('shop', { hostname: 'localhost', protocol: 'tcp' }, [])
    await store.history({ limit: 10 })
  },
}

/** Calls that are refused in the same state, in which `shop` owns only 3000. */
const REFUSED: Readonly<Record<string, (store: PortRepository) => Promise<unknown>>> = {
  'getOrAllocate in a full range': (store) => store.getOrAllocate(api),
  'allocate in a full range': (store) => store.allocate(web),
  'several calls of allocate in a full range': async (store) => {
    const { errors } = await atOnce(5, () => store.allocate(web))
    throw errors.length === 5 ? errors[0] : new Error('not all were refused')
  },
  'allocate in an unknown project': (store) => store.allocate({ ...web, projectName: 'ghost' }),
  'release in an unknown project': (store) => store.release({ ...web, projectName: 'ghost' }),
  'createRange over another range': (store) =>
    store.createRange({ projectName: 'mail', startPort: 2000, endPort: 3000 }),
  'createNextRange where no block is free': (store) =>
    store
      .createNextRange({ projectName: 'mail', size: 16_384 })
      .then(() => store.createNextRange({ projectName: 'more', size: 16_384 })),
  'createNextRange for a project with a range': (store) =>
    store.createNextRange({ projectName: 'blog', size: 10 }),
  'resizeRange over a held port': (store) =>
    store.resizeRange('shop', { startPort: 3001, endPort: 3002 }),
  'deleteRange of a held port': (store) => store.deleteRange('shop'),
  'deleteRanges if one of them is held': (store) => store.deleteRanges(['blog', 'shop']),
  'a call that was aborted before': (store) =>
    store.release(web, { signal: AbortSignal.abort(new Error('No longer wanted')) }),
}

export function describeHistory(store: Store) {
  /** All events of the query, newest first, once every change until now can be read. */
  const eventsOf = async (query: Partial<EventQuery> = {}) => {
    await settle(store)
    return (await store().history({ projectName: 'shop', limit: 1000, ...query })).events
  }
  const whats = (events: readonly PortEvent[]) => events.map(({ what }) => what)
  const heldIds = async () => (await store().list({})).allocations.map(({ id }) => id)

  /** The fields that every event has. */
  const recorded = {
    id: expect.stringMatching(/^\d+$/),
    at: expect.any(Date),
    role: expect.stringMatching(/./),
    call: expect.stringMatching(/./),
  }

  describe('history', () => {
    it('is empty in a new store', async () => {
      expect(await store().history({ limit: 10 })).toEqual({ events: [] })
    })

    it('has everything about an allocation, newest first', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate({ ...web, ...storefront }, { actor: 'alice' })
      await store().getOrAllocate({ ...api, protocol: 'udp', instance: 'login' }, { actor: 'bob' })
      const { allocations } = await store().list({})
      const idOf = (name: string) => allocations.find((held) => held.serviceName === name)!.id
      expect((await eventsOf()).slice(0, 2)).toEqual([
        {
          ...recorded,
          ...api,
          protocol: 'udp',
          instance: 'login',
          what: 'allocated',
          actor: 'bob',
          portNumber: 3000,
          allocationId: idOf('api'),
        },
        {
          ...recorded,
          ...web,
          what: 'allocated',
          actor: 'alice',
          portNumber: 3000,
          allocationId: idOf('web'),
          after: storefront,
        },
      ])
    })

    it('has one event for each port that a call released', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      await store().allocate(web)
      await store().allocate({ ...web, protocol: 'udp' })
      const ids = await heldIds()
      const { protocol: _, ...onThatHost } = web
      await store().release(onThatHost, { actor: 'alice' })
      const events = (await eventsOf()).filter(({ what }) => what === 'released')
      expect(events).toHaveLength(3)
      for (const event of events) {
        expect(event).toEqual({
          ...recorded,
          ...web,
          protocol: expect.stringMatching(/^(tcp|udp)$/),
          what: 'released',
          actor: 'alice',
          portNumber: expect.any(Number),
          allocationId: expect.any(String),
        })
      }
      expect(new Set(events.map(({ allocationId }) => allocationId))).toEqual(new Set(ids))
    })

    it('has one event for each port whose metadata was changed, with both states', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate({ ...web, ...storefront })
      await store().allocate(web)
      const [first, second] = await heldIds()
      const change = { description: null, cloudflareHostname: 'shop.example.com' }
      await store().update(web, change, { actor: 'alice' })
      const updated = { ...recorded, ...web, what: 'updated', actor: 'alice' } as const
      const events = (await eventsOf()).filter(({ what }) => what === 'updated')
      expect(events).toHaveLength(2)
      expect(events).toContainEqual({
        ...updated,
        portNumber: 3000,
        allocationId: first,
        before: storefront,
        after: { serviceType: 'vite', cloudflareHostname: 'shop.example.com' },
      })
      expect(events).toContainEqual({
        ...updated,
        portNumber: 3001,
        allocationId: second,
        after: { cloudflareHostname: 'shop.example.com' },
      })
    })

    it('has no state after a change that cleared all metadata', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate({ ...web, ...storefront })
      await store().update(web, { serviceType: null, description: null })
      const [cleared] = await eventsOf()
      expect(cleared).toMatchObject({ what: 'updated', before: storefront })
      expect(cleared).not.toHaveProperty('after')
    })

    it('has an event where getOrAllocate fills in metadata', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate({ ...web, serviceType: 'vite' })
      await store().getOrAllocate({ ...web, ...storefront, serviceType: 'next' }, { actor: 'bob' })
      const [filledIn, ...earlier] = await eventsOf()
      expect(filledIn).toMatchObject({
        what: 'updated',
        actor: 'bob',
        before: { serviceType: 'vite' },
        after: storefront,
      })
      expect(whats(earlier)).toEqual(['allocated', 'range-created'])
    })

    it('has an event for each range that was created, resized or deleted', async () => {
      const described = { ...shopRange(3000, 3009), description: 'Everything for sale' }
      await store().createRange(described, { actor: 'alice' })
      await store().resizeRange('shop', { startPort: 3001, endPort: 3004 }, {}, { actor: 'bob' })
      await store().deleteRange('shop', { actor: 'carol' })
      await store().createNextRange({ projectName: 'shop', size: 10 }, { actor: 'dave' })
      const { projectName, ...bounds } = described
      const resized = { ...bounds, startPort: 3001, endPort: 3004 }
      const range = { ...recorded, projectName } as const
      expect(await eventsOf()).toEqual([
        {
          ...range,
          actor: 'dave',
          what: 'range-created',
          after: { startPort: 3000, endPort: 3009 },
        },
        { ...range, actor: 'carol', what: 'range-deleted', before: resized },
        { ...range, actor: 'bob', what: 'range-resized', before: bounds, after: resized },
        { ...range, actor: 'alice', what: 'range-created', after: bounds },
      ])
    })

    it('is kept after the project was deleted', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      await store().release(web)
      await store().deleteRange('shop')
      expect(whats(await eventsOf())).toEqual([
        'range-deleted',
        'released',
        'allocated',
        'range-created',
      ])
      expect(await eventsOf({ projectName: 'ghost' })).toEqual([])
    })

    it('has no actor if none was given', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      for (const event of await eventsOf()) expect(event).not.toHaveProperty('actor')
    })

    it('has one event if twenty callers ask for one port at the same time', async () => {
      await store().createRange(shopRange(3000, 3029))
      await atOnce(20, () => store().getOrAllocate(web))
      await atOnce(20, () => store().allocate({ ...api, idempotencyKey: 'one' }))
      await Promise.all(numbers(1, 20).map(() => store().release(web)))
      expect(whats(await eventsOf())).toEqual([
        'released',
        'allocated',
        'allocated',
        'range-created',
      ])
    })

    it('names the actor of each of many concurrent calls', async () => {
      await store().createRange(shopRange(3000, 3039))
      const worker = (nth: number) => ({ ...web, serviceName: `worker-${nth}` })
      const { ports, errors } = await atOnce(40, (nth) =>
        store().allocate(worker(nth), { actor: `agent-${nth}` }),
      )
      expect(errors).toEqual([])
      await Promise.all(
        ports.map((_, nth) => store().release(worker(nth), { actor: `cleaner-${nth}` })),
      )
      const events = await eventsOf()
      const told = events.map(({ what, serviceName, portNumber, actor }) =>
        [what, serviceName, portNumber, actor].join(' '),
      )
      const expected = ports.flatMap((port, nth) => [
        `allocated worker-${nth} ${port} agent-${nth}`,
        `released worker-${nth} ${port} cleaner-${nth}`,
      ])
      expect(told.slice(0, -1).sort()).toEqual(expected.sort())
    })
  })

  describe('a call that changes nothing', () => {
    beforeEach(async () => {
      await store().createRange(shopRange(3000, 3000))
      await store().createRange(blogRange)
      await store().allocate({ ...web, ...storefront, idempotencyKey: 'first' })
    })

    it.each(Object.entries(WITHOUT_CHANGE))('leaves no event: %s', async (_case, call) => {
      const before = await eventsOf()
      await call(store())
      expect(await eventsOf()).toEqual(before)
      expect(whats(await eventsOf({ projectName: 'blog' }))).toEqual(['range-created'])
    })

    it.each(Object.entries(REFUSED))(
      'leaves no event where it is refused: %s',
      async (_case, call) => {
        const before = await eventsOf()
        await expect(call(store())).rejects.toThrow()
        expect(await eventsOf()).toEqual(before)
        for (const projectName of ['ghost', 'more'])
          expect(await eventsOf({ projectName })).toEqual([])
        expect(whats(await eventsOf({ projectName: 'blog' }))).toEqual(['range-created'])
      },
    )
  })

  describe('history with a filter', () => {
    beforeEach(async () => {
      await store().createRange(shopRange(3000, 3009), { actor: 'alice' })
      await store().createRange(blogRange, { actor: 'bob' })
      await store().allocate(web, { actor: 'alice' })
      await store().allocate(api, { actor: 'bob' })
      await store().allocate(blogWeb, { actor: 'alice' })
      await store().release(web, { actor: 'bob' })
    })

    const told = (events: readonly PortEvent[]) =>
      events.map(({ what, projectName, serviceName }) =>
        [what, projectName, serviceName].filter((part) => part !== undefined).join(' '),
      )

    it.each<[string, Partial<EventQuery>, string[]]>([
      ['a project', { projectName: 'blog' }, ['allocated blog web', 'range-created blog']],
      ['a project in exactly that case', { projectName: 'Blog' }, []],
      [
        'a service',
        { projectName: undefined, serviceName: 'web' },
        ['released shop web', 'allocated blog web', 'allocated shop web'],
      ],
      ['a service of a project', { serviceName: 'api' }, ['allocated shop api']],
      ['a number', { portNumber: 3000 }, ['released shop web', 'allocated shop web']],
      ['an actor', { actor: 'bob' }, ['released shop web', 'allocated shop api']],
      ['an actor with exactly that name', { actor: 'bo' }, []],
      [
        'all filters at once',
        { serviceName: 'web', portNumber: 3000, actor: 'alice' },
        ['allocated shop web'],
      ],
      ['two filters that no event matches', { serviceName: 'api', portNumber: 3000 }, []],
    ])('has only the events of %s', async (_case, query, expected) => {
      expect(told(await eventsOf(query))).toEqual(expected)
    })

    it('begins at the time that `since` names', async () => {
      // A Date has milliseconds, and events may be closer together.
      await pause(5)
      await store().allocate(web)
      await pause(5)
      await store().allocate(web)
      const [last, next] = await eventsOf()
      expect(await eventsOf({ since: last!.at })).toEqual([last])
      expect(await eventsOf({ since: next!.at })).toEqual([last, next])
      expect(await eventsOf({ since: new Date(last!.at.getTime() + 1) })).toEqual([])
    })
  })

  describe('history in pages', () => {
    const readPages = async (limit: number) => {
      const pages: PortEvent[][] = []
      let before: EventKey | undefined
      do {
        const page = await store().history({
          projectName: 'shop',
          limit,
          ...(before && { before }),
        })
        pages.push([...page.events])
        before = page.next
      } while (before)
      return pages
    }

    it('has each event once, in the same order', async () => {
      await store().createRange(shopRange(3000, 3029))
      for (const _ of numbers(1, 5)) await store().allocate(web)
      // These share transactions.
      await atOnce(20, () => store().allocate(api))
      // One transaction with more events than a page.
      await store().release(web)
      const whole = await eventsOf()
      expect(whole).toHaveLength(31)
      for (const limit of [1, 2, 3, 7, 31]) {
        const pages = await readPages(limit)
        expect(pages.flat()).toEqual(whole)
        // No page is empty, also where the last one is full.
        expect(pages).toHaveLength(Math.ceil(31 / limit))
      }
    })

    it('misses and repeats no event while others write', async () => {
      await store().createRange(shopRange(3000, 3099))
      for (const _ of numbers(1, 10)) await store().allocate(web)
      const whole = await eventsOf()
      const writing = atOnce(40, () => store().allocate(api))
      const events = (await readPages(2)).flat()
      await writing
      expect(events.slice(-whole.length)).toEqual(whole)
      const ids = events.map(({ id }) => id)
      expect(new Set(ids).size).toBe(ids.length)
    })
  })
}

let settled = 0

/**
 * Waits until every change until now is in the history, which transactions elsewhere may delay: an
 * event of another project that was written after them is there.
 */
async function settle(store: Store): Promise<void> {
  const projectName = `marker-${settled++}`
  await store().createRange({ projectName, startPort: 65_535, endPort: 65_535 })
  await expect
    .poll(async () => (await store().history({ projectName, limit: 1 })).events, {
      timeout: 30_000,
    })
    .toHaveLength(1)
  await store().deleteRange(projectName)
}
