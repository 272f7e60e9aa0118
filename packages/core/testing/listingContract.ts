import { describe, expect, it } from 'vitest'
import type { ListQuery, PageKey } from '../src/AllocationStore.js'
import type { PortAllocation, ServiceKey } from '../src/PortAllocation.js'
import { api, numbers, type Store, shopRange, web } from './shop.js'

export function describeListing(store: Store) {
  const place = ({ portNumber, hostname, protocol }: PortAllocation): PageKey => ({
    portNumber,
    hostname,
    protocol,
  })
  const ids = (allocations: readonly PortAllocation[]) => allocations.map(({ id }) => id)

  const readPages = async (limit: number) => {
    const pages: PortAllocation[][] = []
    let after: PageKey | undefined
    for (;;) {
      const { allocations } = await store().list({ limit, ...(after && { after }) })
      if (allocations.length === 0) return pages
      pages.push([...allocations])
      after = place(allocations.at(-1)!)
    }
  }

  describe('list', () => {
    it('is empty in a store without ranges', async () => {
      expect(await store().list({})).toEqual({ allocations: [], total: 0 })
    })

    it('is empty for a project that holds nothing', async () => {
      await store().createRange(shopRange(3000, 3009))
      expect(await store().list({ projectName: 'shop' })).toEqual({ allocations: [], total: 0 })
    })

    it('tells everything about an allocation', async () => {
      await store().createRange(shopRange(3000, 3009))
      const metadata = {
        serviceType: 'vite',
        description: 'Storefront',
        cloudflareHostname: 'shop.example.com',
      }
      await store().allocate({ ...web, ...metadata })
      await store().allocate(api)
      expect(await store().list({})).toEqual({
        allocations: [
          {
            ...web,
            ...metadata,
            id: expect.any(String),
            portNumber: 3000,
            status: 'allocated',
            allocatedAt: expect.any(Date),
          },
          {
            ...api,
            id: expect.any(String),
            portNumber: 3001,
            status: 'allocated',
            allocatedAt: expect.any(Date),
          },
        ],
        total: 2,
      })
    })

    it('dates allocations in the order in which they were made', async () => {
      await store().createRange(shopRange(3000, 3009))
      for (const _ of numbers(1, 3)) await store().allocate(web)
      const { allocations } = await store().list({})
      const times = allocations.map(({ allocatedAt }) => allocatedAt.getTime())
      expect(times).not.toContain(Number.NaN)
      expect(times).toEqual([...times].sort((a, b) => a - b))
    })

    it('goes by port number, then by hostname, then by protocol', async () => {
      await store().createRange(shopRange(9, 10))
      for (const hostname of ['beta', 'alpha']) {
        for (const protocol of ['udp', 'tcp'] as const) {
          await store().allocate({ ...web, hostname, protocol })
          await store().allocate({ ...api, hostname, protocol })
        }
      }
      const { allocations } = await store().list({})
      expect(allocations.map(place)).toEqual([
        { portNumber: 9, hostname: 'alpha', protocol: 'tcp' },
        { portNumber: 9, hostname: 'alpha', protocol: 'udp' },
        { portNumber: 9, hostname: 'beta', protocol: 'tcp' },
        { portNumber: 9, hostname: 'beta', protocol: 'udp' },
        { portNumber: 10, hostname: 'alpha', protocol: 'tcp' },
        { portNumber: 10, hostname: 'alpha', protocol: 'udp' },
        { portNumber: 10, hostname: 'beta', protocol: 'tcp' },
        { portNumber: 10, hostname: 'beta', protocol: 'udp' },
      ])
    })

    it('lists one project where that is asked, on all hosts', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().createRange({ projectName: 'blog', startPort: 2000, endPort: 2009 })
      await store().allocate(web)
      await store().allocate({ ...web, hostname: 'alpha' })
      await store().allocate({ ...web, projectName: 'blog' })
      const { allocations, total } = await store().list({ projectName: 'shop' })
      expect(allocations).toMatchObject([{ hostname: 'alpha' }, { hostname: 'localhost' }])
      expect(total).toBe(2)
      expect((await store().list({})).total).toBe(3)
    })

    it('narrows by service, host and number, alone and together', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().createRange({ projectName: 'blog', startPort: 2000, endPort: 2009 })
      await store().allocate(web)
      await store().allocate({ ...api, instance: 'login' })
      await store().allocate({ ...web, hostname: 'alpha' })
      await store().allocate({ ...api, hostname: 'alpha', protocol: 'udp' })
      await store().allocate({ ...web, projectName: 'blog' })
      await store().release(web)
      const found = async (query: ListQuery) => {
        const { allocations, total } = await store().list({ ...query, limit: 10 })
        expect(total).toBe(allocations.length)
        return allocations.map(
          ({ projectName, serviceName, hostname, portNumber }) =>
            `${projectName}/${serviceName} ${hostname}:${portNumber}`,
        )
      }
      expect(await found({ serviceName: 'web' })).toEqual([
        'blog/web localhost:2000',
        'shop/web alpha:3000',
      ])
      expect(await found({ hostname: 'alpha' })).toEqual([
        'shop/web alpha:3000',
        'shop/api alpha:3000',
      ])
      expect(await found({ portNumber: 3001 })).toEqual(['shop/api localhost:3001'])
      expect(await found({ projectName: 'shop', serviceName: 'api' })).toEqual([
        'shop/api alpha:3000',
        'shop/api localhost:3001',
      ])
      expect(
        await found({
          projectName: 'shop',
          serviceName: 'web',
          hostname: 'alpha',
          portNumber: 3000,
        }),
      ).toEqual(['shop/web alpha:3000'])
      for (const query of [
        { serviceName: 'Web' },
        { hostname: 'beta' },
        { portNumber: 3002 },
        { projectName: 'blog', hostname: 'alpha' },
      ]) {
        expect(await found(query)).toEqual([])
      }
    })

    it('tells on every page how many match, and goes on where the page before ended', async () => {
      await store().createRange(shopRange(3000, 3009))
      for (const _ of numbers(1, 3)) {
        await store().allocate(web)
        await store().allocate(api)
      }
      const query = { serviceName: 'api', hostname: 'localhost', limit: 2 }
      const first = await store().list(query)
      expect(first).toMatchObject({
        allocations: [{ portNumber: 3001 }, { portNumber: 3003 }],
        total: 3,
      })
      const after = place(first.allocations[1]!)
      expect(await store().list({ ...query, after })).toMatchObject({
        allocations: [{ portNumber: 3005 }],
        total: 3,
      })
    })

    it('is narrowed by Cloudflare hostname, across projects', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().createRange({ projectName: 'blog', startPort: 4000, endPort: 4009 })
      const cloudflareHostname = 'shop.example.com'
      await store().allocate({ ...web, cloudflareHostname })
      await store().allocate({ ...api, cloudflareHostname: '*.example.com' })
      await store().allocate({ ...web, projectName: 'blog', cloudflareHostname })
      await store().allocate(web)
      const { allocations, total } = await store().list({ cloudflareHostname })
      expect(allocations.map(({ portNumber }) => portNumber)).toEqual([3000, 4000])
      expect(total).toBe(2)
    })

    it('narrowed by anything refuses an unknown project', async () => {
      const query = { projectName: 'ghost', serviceName: 'web', hostname: 'alpha', portNumber: 1 }
      await expect(store().list(query)).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' })
    })

    it('never lists what was released', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      await store().allocate(api)
      await store().release(web)
      expect(await store().list({})).toMatchObject({ allocations: [{ ...api }], total: 1 })
    })

    it('gives each allocation once when read in pages, in the same order', async () => {
      await store().createRange(shopRange(3000, 3002))
      // The order is not that of a locale, which would ignore punctuation.
      for (const hostname of ['a-b', 'a.b', 'a_b', 'ab', 'a0']) {
        for (const protocol of ['tcp', 'udp'] as const) {
          for (const _ of numbers(1, 2)) await store().allocate({ ...web, hostname, protocol })
        }
      }
      const whole = ids((await store().list({})).allocations)
      expect(whole).toHaveLength(20)
      const pages = await readPages(3)
      expect(pages.map((page) => page.length)).toEqual([3, 3, 3, 3, 3, 3, 2])
      expect(ids(pages.flat())).toEqual(whole)
      expect(ids((await readPages(1)).flat())).toEqual(whole)
    })

    it('tells on every page how many there are on all', async () => {
      await store().createRange(shopRange(3000, 3009))
      for (const _ of numbers(1, 5)) await store().allocate(web)
      const first = await store().list({ projectName: 'shop', limit: 2 })
      expect(first).toMatchObject({
        allocations: [{ portNumber: 3000 }, { portNumber: 3001 }],
        total: 5,
      })
      const after = place(first.allocations[1]!)
      expect(await store().list({ projectName: 'shop', limit: 2, after })).toMatchObject({
        allocations: [{ portNumber: 3002 }, { portNumber: 3003 }],
        total: 5,
      })
      const end = { portNumber: 65535, hostname: 'zulu', protocol: 'udp' } as const
      expect(await store().list({ limit: 2, after: end })).toEqual({ allocations: [], total: 5 })
    })

    it('goes on after a place whose allocation was released meanwhile', async () => {
      await store().createRange(shopRange(3000, 3009))
      for (const _ of numbers(1, 4)) await store().allocate(web)
      const { allocations } = await store().list({ limit: 2 })
      await store().release({ ...web, portNumber: 3001 })
      const next = await store().list({ limit: 2, after: place(allocations[1]!) })
      expect(next).toMatchObject({
        allocations: [{ portNumber: 3002 }, { portNumber: 3003 }],
        total: 3,
      })
    })
  })

  describe('neighbourhood', () => {
    const nothing: readonly string[] = []
    /** What the registry holds besides the ports of the service in its scope. */
    const besides = async (key: ServiceKey) => {
      const { projectName, serviceName, hostname } = key
      const { allocations } = await store().list({ projectName, serviceName, hostname })
      const own = allocations.filter(
        ({ instance, protocol }) => instance === key.instance && protocol === key.protocol,
      )
      return store().neighbourhood({ projectName, hostname, without: ids(own) })
    }

    it('names the services of the project, and the hosts of all that is held', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().createRange({ projectName: 'blog', startPort: 2000, endPort: 2009 })
      await store().allocate(web)
      await store().allocate({ ...api, instance: 'login', hostname: 'beta' })
      await store().allocate({ ...api, hostname: 'beta' })
      await store().allocate({ ...web, projectName: 'blog', serviceName: 'cms', hostname: 'alpha' })
      const hosts = ['alpha', 'beta', 'localhost']
      const query = { projectName: 'shop', hostname: 'localhost' }
      expect(await store().neighbourhood({ ...query, without: nothing })).toEqual({
        services: ['api', 'web'],
        hosts,
      })
      const { allocations } = await store().list({ projectName: 'shop' })
      expect(await store().neighbourhood({ ...query, without: ids(allocations) })).toEqual({
        services: [],
        hosts: ['alpha'],
      })
    })

    it('leaves out a host on which nothing is held but what does not count', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      await store().allocate({ ...web, hostname: 'beta' })
      expect(await besides(web)).toEqual({ services: ['web'], hosts: ['beta'] })
      await store().allocate({ ...web, protocol: 'udp' })
      expect((await besides(web)).hosts).toEqual(['beta', 'localhost'])
    })

    it('names the host if the history knows it from an earlier holding', async () => {
      await store().createRange(shopRange(3000, 3009))
      const udp = { ...web, protocol: 'udp' } as const
      await store().allocate(web)
      await store().allocate(udp)
      await store().release(web)
      expect(await besides(udp)).toEqual({ services: [], hosts: ['localhost'] })
      const onBeta = { ...web, hostname: 'beta' }
      await store().allocate(onBeta)
      expect((await besides(onBeta)).hosts).toEqual(['localhost'])
      await store().release(onBeta)
      await store().allocate(onBeta)
      expect((await besides(onBeta)).hosts).toEqual(['beta', 'localhost'])
      expect((await besides(udp)).hosts).toEqual(['beta', 'localhost'])
    })

    it('refuses an unknown project', async () => {
      const query = { projectName: 'ghost', hostname: 'localhost', without: nothing }
      await expect(store().neighbourhood(query)).rejects.toMatchObject({
        code: 'PROJECT_NOT_FOUND',
      })
    })
  })

  describe('listHosts', () => {
    it('is empty in a store without allocations', async () => {
      await store().createRange(shopRange(3000, 3009))
      expect(await store().listHosts()).toEqual([])
    })

    it('counts what each host holds, by name, and dates its last change', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate({ ...web, hostname: 'beta' })
      const first = await store().listHosts()
      expect(first).toEqual([{ hostname: 'beta', allocations: 1, lastChangedAt: expect.any(Date) }])
      await store().allocate({ ...web, hostname: 'alpha' })
      await store().allocate({ ...api, hostname: 'beta', protocol: 'udp' })
      const [alpha, beta] = await store().listHosts()
      expect([alpha, beta]).toMatchObject([
        { hostname: 'alpha', allocations: 1 },
        { hostname: 'beta', allocations: 2 },
      ])
      expect(beta!.lastChangedAt!.getTime()).toBeGreaterThan(first[0]!.lastChangedAt!.getTime())
    })

    it('knows a host whose ports were all released', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      const [held] = await store().listHosts()
      await store().release(web)
      const [released] = await store().listHosts()
      expect(released).toMatchObject({ hostname: 'localhost', allocations: 0 })
      expect(released!.lastChangedAt!.getTime()).toBeGreaterThan(held!.lastChangedAt!.getTime())
    })
  })

  describe('summarize', () => {
    it('counts what is held in the scope alone', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().createRange({ projectName: 'blog', startPort: 4000, endPort: 4009 })
      for (const _ of numbers(1, 3)) await store().allocate(web)
      await store().release({ ...web, portNumber: 3001 })
      await store().allocate({ ...web, protocol: 'udp' })
      await store().allocate({ ...web, projectName: 'blog' })
      const summary = await store().summarize(
        'shop',
        { hostname: 'localhost', protocol: 'tcp' },
        [],
      )
      expect(summary).toEqual({
        ...{ ranges: [{ startPort: 3000, endPort: 3009 }], availablePorts: 8 },
        ...{
          reservedPorts: 0,
          restingPorts: 0,
          unusablePorts: 0,
          allocatableNow: 8,
          restSeconds: 0,
        },
      })
    })

    it('counts none in a scope that nobody used', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      const summary = await store().summarize('shop', { hostname: 'alpha', protocol: 'tcp' }, [])
      expect(summary).toMatchObject({ availablePorts: 10, allocatableNow: 10 })
    })
  })
}
