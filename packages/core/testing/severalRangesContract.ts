import { describe, expect, it } from 'vitest'
import type { PortRange } from '../src/PortRange.js'
import { api, ascending, atOnce, livePorts, numbers, type Store, shopRange, web } from './shop.js'

export function describeSeveralRanges(store: Store) {
  const onNas = { ...web, hostname: 'nas' }
  const onPi = { ...web, hostname: 'pi' }
  const boundTo = (hostname: string, range: PortRange): PortRange => ({ ...range, hostname })
  const blogRange = (startPort: number, endPort: number): PortRange => ({
    ...shopRange(startPort, endPort),
    projectName: 'blog',
  })

  describe('addRange', () => {
    it('gives a project its first range and each that follows', async () => {
      const first = { ...shopRange(3000, 3001), description: 'Web' }
      expect(await store().addRange(first)).toEqual(first)
      expect(await store().addRange(shopRange(8096, 8096))).toEqual(shopRange(8096, 8096))
      expect(await store().listRanges()).toEqual([first, shopRange(8096, 8096)])
    })

    it('has numbers allocated from the lowest on, in whatever order the ranges came', async () => {
      await store().addRange(shopRange(5000, 5001))
      expect(await store().allocate(web)).toBe(5000)
      await store().addRange(shopRange(3000, 3001))
      await store().addRange(shopRange(4000, 4000))
      const given = []
      for (const _ of numbers(1, 4)) given.push(await store().allocate(web))
      expect(given).toEqual([3000, 3001, 4000, 5001])
      await expect(store().allocate(web)).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        details: { totalPorts: 5 },
      })
    })

    it('leaves a number between two ranges without an owner', async () => {
      await store().addRange(shopRange(3000, 3001))
      await store().addRange(shopRange(3003, 3004))
      await expect(store().claim({ ...web, portNumber: 3002 })).rejects.toMatchObject({
        code: 'PORT_OUT_OF_RANGE',
        details: { owner: null, ranges: [{ startPort: 3000 }, { startPort: 3003 }] },
      })
      await store().addRange(blogRange(3002, 3002))
      await expect(store().claim({ ...web, portNumber: 3002 })).rejects.toMatchObject({
        details: { owner: 'blog' },
      })
    })

    it.each([
      ['another project', blogRange(3009, 3012)],
      ['the project itself', shopRange(3009, 3012)],
      ['another project on every host', boundTo('nas', blogRange(3000, 3000))],
    ])('refuses numbers of %s, and names the range', async (_whose, range) => {
      await store().addRange(shopRange(3000, 3009))
      await expect(store().addRange(range)).rejects.toMatchObject({
        code: 'RANGE_OVERLAP',
        details: { range: shopRange(3000, 3009) },
      })
      expect(await store().listRanges()).toEqual([shopRange(3000, 3009)])
    })

    it('gives the same number of two hosts to two projects', async () => {
      await store().addRange(boundTo('nas', shopRange(3000, 3000)))
      await store().addRange(boundTo('pi', blogRange(3000, 3000)))
      expect(await store().allocate(onNas)).toBe(3000)
      expect(await store().allocate({ ...onPi, projectName: 'blog' })).toBe(3000)
      await expect(store().addRange(boundTo('pi', shopRange(3000, 3000)))).rejects.toMatchObject({
        code: 'RANGE_OVERLAP',
        details: { range: { projectName: 'blog', hostname: 'pi' } },
      })
      await expect(store().addRange(shopRange(2999, 3000))).rejects.toMatchObject({
        code: 'RANGE_OVERLAP',
      })
    })

    it('takes a host in any case', async () => {
      await store().addRange(boundTo('nas', shopRange(3000, 3000)))
      await expect(store().addRange(boundTo('NAS', blogRange(3000, 3000)))).rejects.toMatchObject({
        code: 'RANGE_OVERLAP',
      })
    })

    it('gives numbers to one of ten projects that want them at the same time', async () => {
      const { ports, errors } = await atOnce(10, async (nth) => {
        const range = { projectName: `project-${nth}`, startPort: 3000 + nth, endPort: 3020 }
        return (await store().addRange(range)).startPort
      })
      expect(ports).toHaveLength(1)
      for (const error of errors) expect(error).toMatchObject({ code: 'RANGE_OVERLAP' })
    })

    it('gives out each number once while ranges come and go', async () => {
      await store().addRange(shopRange(3000, 3009))
      const [before, , after] = await Promise.all([
        atOnce(10, () => store().allocate(web)),
        store().addRange(shopRange(2000, 2009)),
        atOnce(10, () => store().allocate(api)),
      ])
      expect([...before.errors, ...after.errors]).toEqual([])
      expect(await livePorts(store)).toEqual(ascending([...before.ports, ...after.ports]))
    })
  })

  describe('ranges of one host', () => {
    it('are seen by the scopes of that host only', async () => {
      await store().addRange(shopRange(5000, 5000))
      await store().addRange(boundTo('nas', shopRange(3000, 3000)))
      expect(await store().allocate(onPi)).toBe(5000)
      expect(await store().allocate(onNas)).toBe(3000)
      expect(await store().allocate({ ...onNas, protocol: 'udp' })).toBe(3000)
      expect(await store().allocate(onNas)).toBe(5000)
      await expect(store().allocate(onPi)).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        details: { totalPorts: 1 },
      })
      await expect(store().claim({ ...onPi, portNumber: 3000 })).rejects.toMatchObject({
        code: 'PORT_OUT_OF_RANGE',
        details: { owner: null, hostname: 'pi' },
      })
    })

    it('leave several callers at once without numbers on the other hosts, before a statement times out', async () => {
      await store().addRange(boundTo('nas', shopRange(3000, 3000)))
      const { ports, errors } = await atOnce(3, (nth) =>
        store().allocate({ ...onPi, serviceName: `service-${nth}` }),
      )
      expect(ports).toEqual([])
      for (const error of errors) expect(error).toMatchObject({ code: 'RANGE_EXHAUSTED' })
    }, 20_000)

    it('leave a project without numbers on the other hosts, which is said', async () => {
      await store().addRange(boundTo('nas', shopRange(3000, 3000)))
      const calls = [
        () => store().allocate(onPi),
        () => store().getOrAllocate(onPi),
        () => store().summarize('shop', onPi, []),
      ]
      for (const call of calls) {
        await expect(call()).rejects.toMatchObject({
          code: 'RANGE_EXHAUSTED',
          message: expect.stringContaining('no range on pi; its ranges are on nas'),
          details: { projectName: 'shop', hostname: 'pi', elsewhere: ['nas'], totalPorts: 0 },
        })
      }
    })

    it('are obstacles on their host only, where a full range could be widened', async () => {
      const blog = (hostname: string, startPort: number) =>
        boundTo(hostname, blogRange(startPort, startPort))
      await store().addRange(boundTo('nas', shopRange(5000, 5000)))
      await store().addRange(boundTo('nas', shopRange(3000, 3000)))
      await store().addRange(blog('pi', 4999))
      await store().addRange(blog('pi', 5001))
      await store().addRange(blog('nas', 5005))
      await store().addRange({ ...blogRange(5010, 5010), projectName: 'mail' })
      for (const _ of [1, 2]) await store().allocate(onNas)
      await expect(store().allocate(onNas)).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        message: expect.stringContaining('or widen 5000 on nas: 3001-5004 would overlap no other.'),
        details: {
          range: { startPort: 5000, endPort: 5000, hostname: 'nas' },
          widest: { startPort: 3001, endPort: 5004 },
        },
      })
      await store().removeRange('blog', { from: 5005 })
      await expect(store().allocate(onNas)).rejects.toMatchObject({
        details: { widest: { startPort: 3001, endPort: 5009 } },
      })
    })

    it('are obstacles to a range of every host', async () => {
      await store().addRange(shopRange(5000, 5000))
      await store().addRange(boundTo('nas', blogRange(5003, 5003)))
      await store().allocate(onPi)
      await expect(store().allocate(onPi)).rejects.toMatchObject({
        details: { widest: { endPort: 5002 } },
      })
    })

    it('count in the summary of their host', async () => {
      await store().addRange(shopRange(5000, 5009))
      await store().addRange(boundTo('nas', shopRange(3000, 3000)))
      await store().allocate(onNas)
      expect(await store().summarize('shop', onNas, [])).toMatchObject({
        ranges: [
          { startPort: 3000, endPort: 3000 },
          { startPort: 5000, endPort: 5009 },
        ],
        availablePorts: 10,
      })
      expect(await store().summarize('shop', onPi, [])).toMatchObject({
        ranges: [{ startPort: 5000, endPort: 5009 }],
        availablePorts: 10,
      })
    })
  })

  describe('createRange and createNextRange', () => {
    it('refuse a project that has a range on another host only', async () => {
      await store().addRange(boundTo('nas', shopRange(3000, 3000)))
      const details = { range: { hostname: 'nas' } }
      await expect(store().createRange(shopRange(5000, 5000))).rejects.toMatchObject({
        code: 'RANGE_OVERLAP',
        details,
      })
      const block = { projectName: 'shop', size: 10 }
      await expect(store().createNextRange(block)).rejects.toMatchObject({
        code: 'RANGE_OVERLAP',
        details,
      })
    })

    it('bind the range to a host, if one is given', async () => {
      const range = boundTo('nas', shopRange(5000, 5000))
      expect(await store().createRange({ ...range, hostname: 'NAS' })).toEqual(range)
      await store().createRange(boundTo('pi', blogRange(5000, 5000)))
      const block = { projectName: 'mail', size: 10, hostname: 'pi' }
      expect(await store().createNextRange(block)).toEqual({
        ...blogRange(3000, 3009),
        projectName: 'mail',
        hostname: 'pi',
      })
      expect(await store().allocate(onNas)).toBe(5000)
      await expect(store().allocate(onPi)).rejects.toMatchObject({ code: 'RANGE_EXHAUSTED' })
    })

    it('look for a block that is free on every host', async () => {
      await store().addRange(boundTo('nas', shopRange(3000, 3025)))
      await store().addRange(boundTo('pi', shopRange(3000, 3004)))
      await store().addRange(boundTo('pi', shopRange(3010, 3014)))
      expect(await store().createNextRange({ projectName: 'blog', size: 10 })).toEqual(
        blogRange(3030, 3039),
      )
    })
  })

  describe('ensureRange', () => {
    const block = { projectName: 'shop', size: 100, avoid: [] }

    it('creates the lowest free block, and gives the same again', async () => {
      const wanted = { ...block, description: 'Everything for sale' }
      const range = { ...shopRange(3000, 3099), description: 'Everything for sale' }
      expect(await store().ensureRange(wanted)).toEqual({ range, created: true })
      expect(await store().ensureRange(wanted)).toEqual({ range, created: false })
      expect(await store().ensureRange({ ...block, size: 5 })).toEqual({ range, created: false })
      expect(await store().listRanges()).toEqual([range])
    })

    it('contains none of the numbers to avoid', async () => {
      const avoid = [3000, 3150, 3150, 3299, 5000, 40_000]
      expect((await store().ensureRange({ ...block, avoid })).range).toEqual(shopRange(3300, 3399))
      expect((await store().ensureRange({ ...block, projectName: 'blog', avoid })).range).toEqual(
        blogRange(3400, 3499),
      )
    })

    it('gives the lowest of several ranges', async () => {
      await store().addRange(shopRange(9000, 9000))
      await store().addRange(boundTo('nas', shopRange(7000, 7000)))
      expect(await store().ensureRange(block)).toEqual({
        range: boundTo('nas', shopRange(7000, 7000)),
        created: false,
      })
    })

    it('gives ten callers at the same time one range', async () => {
      const answers = await Promise.all(numbers(1, 10).map(() => store().ensureRange(block)))
      expect(answers.filter(({ created }) => created)).toHaveLength(1)
      for (const { range } of answers) expect(range).toEqual(shopRange(3000, 3099))
    })

    it('says so if no block of that size is free', async () => {
      await store().createRange(blogRange(3000, 32_767))
      await expect(store().ensureRange(block)).rejects.toMatchObject({ code: 'RANGE_EXHAUSTED' })
      expect(await store().listRanges()).toHaveLength(1)
    })
  })

  describe('resizeRange', () => {
    it('wants to know which of several, and names them', async () => {
      await store().addRange(shopRange(3000, 3009))
      await store().addRange(boundTo('nas', shopRange(5000, 5009)))
      const bounds = { startPort: 3000, endPort: 3004 }
      for (const choice of [{}, { from: 3001 }, { from: 3000, hostname: 'nas' }]) {
        await expect(store().resizeRange('shop', bounds, choice)).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
          message: expect.stringContaining('3000-3009, 5000-5009 on nas'),
          details: { field: 'from' },
        })
      }
      expect(await store().resizeRange('shop', bounds, { from: 3000 })).toEqual(
        shopRange(3000, 3004),
      )
    })

    it('wants the host where ranges of several begin, and keeps it', async () => {
      await store().addRange(boundTo('nas', shopRange(3000, 3009)))
      await store().addRange(boundTo('pi', shopRange(3000, 3009)))
      const bounds = { startPort: 3000, endPort: 3004 }
      await expect(store().resizeRange('shop', bounds, { from: 3000 })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('more than one range that starts at 3000'),
      })
      const choice = { from: 3000, hostname: 'pi' }
      expect(await store().resizeRange('shop', bounds, choice)).toEqual(
        boundTo('pi', shopRange(3000, 3004)),
      )
    })

    it('names the held ports that would be in no range, and not those of other ranges', async () => {
      await store().addRange(shopRange(3000, 3009))
      await store().addRange(shopRange(5000, 5009))
      await store().claim({ ...web, portNumber: 3000 })
      await store().claim({ ...api, portNumber: 3009 })
      await store().claim({ ...web, portNumber: 5000 })
      const bounds = { startPort: 3000, endPort: 3004 }
      await expect(store().resizeRange('shop', bounds, { from: 3000 })).rejects.toMatchObject({
        code: 'RANGE_IN_USE',
        message:
          'shop still holds ports that would be outside its ranges: 3009 api (localhost/tcp). ' +
          'Release it first.',
        details: { bounds, count: 1 },
      })
    })

    it('has the numbers that a lower range gains allocated before those of a higher one', async () => {
      await store().addRange(shopRange(3000, 3001))
      await store().addRange(shopRange(5000, 5009))
      for (const _ of numbers(1, 3)) await store().allocate(web)
      await store().resizeRange('shop', { startPort: 3000, endPort: 3003 }, { from: 3000 })
      const given = []
      for (const _ of numbers(1, 3)) given.push(await store().allocate(web))
      expect(given).toEqual([3002, 3003, 5001])
    })

    it('has the numbers of a range that moves up allocated', async () => {
      await store().addRange(shopRange(3000, 3001))
      await store().addRange(shopRange(5000, 5000))
      await store().allocate(web)
      await store().release(web)
      await store().claim({ ...web, portNumber: 5000 })
      await store().resizeRange('shop', { startPort: 4000, endPort: 4001 }, { from: 3000 })
      expect(await store().allocate(web)).toBe(4000)
      expect(await store().allocate(web)).toBe(4001)
    })
  })

  describe('removeRange', () => {
    it('takes one range from a project, and leaves the others', async () => {
      await store().addRange(shopRange(3000, 3009))
      await store().addRange(shopRange(5000, 5009))
      await store().claim({ ...web, portNumber: 5000 })
      expect(await store().removeRange('shop', { from: 3000 })).toEqual(shopRange(3000, 3009))
      expect(await store().listRanges()).toEqual([shopRange(5000, 5009)])
      expect(await store().allocate(web)).toBe(5001)
    })

    it('refuses a range of which a number is held, and names the holder', async () => {
      await store().addRange(shopRange(3000, 3009))
      await store().addRange(shopRange(5000, 5009))
      await store().claim({ ...web, portNumber: 5000 })
      await expect(store().removeRange('shop', { from: 5000 })).rejects.toMatchObject({
        code: 'RANGE_IN_USE',
        details: { count: 1, allocations: [{ serviceName: 'web', portNumber: 5000 }] },
      })
      await expect(store().removeRange('shop', { from: 5000 })).rejects.toThrow(
        'shop still holds ports that would be outside its ranges: 5000 web (localhost/tcp)',
      )
      expect(await store().listRanges()).toHaveLength(2)
    })

    it('wants to know which, and names the ranges', async () => {
      await store().addRange(boundTo('nas', shopRange(3000, 3009)))
      await store().addRange(boundTo('pi', shopRange(3000, 3009)))
      for (const [field, choice] of [
        ['hostname', { from: 3000 }],
        ['startPort', { from: 3001, hostname: 'pi' }],
      ] as const) {
        await expect(store().removeRange('shop', choice)).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
          message: expect.stringContaining('3000-3009 on nas, 3000-3009 on pi'),
          details: { field },
        })
      }
      await store().removeRange('shop', { from: 3000, hostname: 'nas' })
      expect(await store().listRanges()).toEqual([boundTo('pi', shopRange(3000, 3009))])
    })

    it('takes the project with its last range', async () => {
      await store().addRange(shopRange(3000, 3009))
      await store().removeRange('shop', { from: 3000 })
      await expect(store().allocate(web)).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' })
      await store().createRange(shopRange(3000, 3009))
      expect(await store().allocate(web)).toBe(3000)
    })

    it('leaves no port outside the ranges when others allocate meanwhile', async () => {
      await store().addRange(shopRange(3000, 3009))
      await store().addRange(shopRange(5000, 5019))
      const [allocated] = await Promise.all([
        atOnce(10, () => store().allocate(web)),
        store()
          .removeRange('shop', { from: 3000 })
          .catch((error) => expect(error).toMatchObject({ code: 'RANGE_IN_USE' })),
      ])
      expect(allocated.errors).toEqual([])
      const ranges = await store().listRanges()
      const live = await livePorts(store)
      expect(live).toEqual(ascending(allocated.ports))
      const isOwned = (port: number) =>
        ranges.some(({ startPort, endPort }) => port >= startPort && port <= endPort)
      expect(live.filter((port) => !isOwned(port))).toEqual([])
    })
  })

  describe('deleteRange', () => {
    it('takes all ranges of the project, on every host', async () => {
      await store().addRange(shopRange(3000, 3009))
      await store().addRange(boundTo('nas', shopRange(5000, 5009)))
      await store().addRange(boundTo('nas', blogRange(6000, 6009)))
      await store().deleteRange('shop')
      expect(await store().listRanges()).toEqual([boundTo('nas', blogRange(6000, 6009))])
    })
  })
}
