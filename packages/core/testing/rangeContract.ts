import { beforeEach, describe, expect, it } from 'vitest'
import { BLOCK_SEARCH } from '../src/PortRange.js'
import { api, ascending, atOnce, livePorts, numbers, type Store, shopRange, web } from './shop.js'

export function describeRanges(store: Store) {
  const blog = (startPort: number, endPort: number) => ({ projectName: 'blog', startPort, endPort })

  describe('listRanges', () => {
    it('is empty at first', async () => {
      expect(await store().listRanges()).toEqual([])
    })

    it('goes by start port', async () => {
      await store().createRange(shopRange(10_000, 10_009))
      await store().createRange({ ...blog(900, 909), description: 'Letters' })
      expect(await store().listRanges()).toEqual([
        { ...blog(900, 909), description: 'Letters' },
        shopRange(10_000, 10_009),
      ])
    })
  })

  describe('createRange', () => {
    it('gives the range it created', async () => {
      const range = { ...shopRange(3000, 3099), description: 'Everything for sale' }
      expect(await store().createRange(range)).toEqual(range)
      expect(await store().createRange(blog(4000, 4000))).toEqual(blog(4000, 4000))
    })

    it('takes the whole of the port numbers', async () => {
      await store().createRange(shopRange(1, 65535))
      expect(await store().allocate(web)).toBe(1)
    })

    it.each([
      ['the same numbers', 3000, 3099],
      ['numbers inside', 3010, 3020],
      ['numbers around', 2000, 4000],
      ['the first number', 2900, 3000],
      ['the last number', 3099, 3200],
    ])('refuses %s of another range, and names it', async (_what, startPort, endPort) => {
      await store().createRange(shopRange(3000, 3099))
      await expect(store().createRange(blog(startPort, endPort))).rejects.toMatchObject({
        name: 'PortsError',
        code: 'RANGE_OVERLAP',
        details: { range: shopRange(3000, 3099) },
      })
      expect(await store().listRanges()).toEqual([shopRange(3000, 3099)])
    })

    it('takes the numbers on both sides of another range', async () => {
      await store().createRange(shopRange(3000, 3099))
      await store().createRange(blog(2900, 2999))
      await store().createRange({ projectName: 'mail', startPort: 3100, endPort: 3199 })
      expect(await store().listRanges()).toHaveLength(3)
    })

    it('refuses a second range for a project, and names the first', async () => {
      await store().createRange(shopRange(3000, 3099))
      await expect(store().createRange(shopRange(5000, 5099))).rejects.toMatchObject({
        code: 'RANGE_OVERLAP',
        details: { range: shopRange(3000, 3099) },
      })
      expect(await store().listRanges()).toEqual([shopRange(3000, 3099)])
    })

    it('gives numbers to one of ten projects that request them concurrently', async () => {
      const { ports, errors } = await atOnce(10, async (nth) => {
        const range = { projectName: `project-${nth}`, startPort: 3000 + nth, endPort: 3020 }
        return (await store().createRange(range)).startPort
      })
      expect(ports).toHaveLength(1)
      expect(errors).toHaveLength(9)
      for (const error of errors) expect(error).toMatchObject({ code: 'RANGE_OVERLAP' })
    })
  })

  describe('createNextRange', () => {
    it('takes the lowest block of its size', async () => {
      const first = await store().createNextRange({
        projectName: 'shop',
        size: 100,
        description: 'Everything for sale',
      })
      expect(first).toEqual({ ...shopRange(3000, 3099), description: 'Everything for sale' })
      const second = await store().createNextRange({ projectName: 'blog', size: 100 })
      expect(second).toEqual(blog(3100, 3199))
    })

    it('starts on a multiple of its size', async () => {
      expect(await store().createNextRange({ projectName: 'shop', size: 64 })).toEqual(
        shopRange(3008, 3071),
      )
    })

    it('takes a gap that is large enough and passes by one that is not', async () => {
      await store().createRange({ projectName: 'low', startPort: 3000, endPort: 3049 })
      await store().createRange({ projectName: 'mid', startPort: 3150, endPort: 3150 })
      expect(await store().createNextRange({ projectName: 'shop', size: 100 })).toEqual(
        shopRange(3200, 3299),
      )
      expect(await store().createNextRange({ projectName: 'blog', size: 50 })).toEqual(
        blog(3050, 3099),
      )
    })

    it('takes the block of a deleted range again', async () => {
      await store().createNextRange({ projectName: 'shop', size: 100 })
      await store().createNextRange({ projectName: 'mail', size: 100 })
      await store().deleteRange('shop')
      expect(await store().createNextRange({ projectName: 'blog', size: 100 })).toEqual(
        blog(3000, 3099),
      )
    })

    it('takes the last block of the search, and none beyond it', async () => {
      await store().createRange({ projectName: 'most', startPort: 3000, endPort: 32_499 })
      await expect(
        store().createNextRange({ projectName: 'shop', size: 500 }),
      ).rejects.toMatchObject({
        name: 'PortsError',
        code: 'RANGE_EXHAUSTED',
        details: { size: 500, range: BLOCK_SEARCH },
      })
      expect(await store().createNextRange({ projectName: 'shop', size: 4 })).toEqual(
        shopRange(32_500, 32_503),
      )
      await store().createRange({ projectName: 'rest', startPort: 32_504, endPort: 32_766 })
      expect(await store().createNextRange({ projectName: 'blog', size: 1 })).toEqual(
        blog(32_767, 32_767),
      )
      await expect(store().createNextRange({ projectName: 'mail', size: 1 })).rejects.toMatchObject(
        { code: 'RANGE_EXHAUSTED' },
      )
    })

    it('refuses a second range for a project, and names the first', async () => {
      await store().createRange(shopRange(9000, 9099))
      await expect(
        store().createNextRange({ projectName: 'shop', size: 100 }),
      ).rejects.toMatchObject({
        code: 'RANGE_OVERLAP',
        details: { range: shopRange(9000, 9099) },
      })
    })

    it('gives twenty projects at the same time the twenty lowest blocks', async () => {
      const { ports, errors } = await atOnce(
        20,
        async (nth) =>
          (await store().createNextRange({ projectName: `project-${nth}`, size: 10 })).startPort,
      )
      expect(errors).toEqual([])
      expect(ascending(ports)).toEqual(numbers(0, 19).map((nth) => 3000 + 10 * nth))
    })
  })

  describe('resizeRange', () => {
    it('widens a range at both ends', async () => {
      await store().createRange({ ...shopRange(3010, 3010), description: 'Everything for sale' })
      await store().allocate(web)
      expect(await store().resizeRange('shop', { startPort: 3009, endPort: 3011 })).toEqual({
        ...shopRange(3009, 3011),
        description: 'Everything for sale',
      })
      expect(await store().allocate(web)).toBe(3009)
      expect(await store().allocate(web)).toBe(3011)
      await expect(store().allocate(web)).rejects.toMatchObject({
        code: 'RANGE_EXHAUSTED',
        details: { range: { startPort: 3009, endPort: 3011 }, totalPorts: 3 },
      })
    })

    it('shrinks a range to what is held', async () => {
      await store().createRange(shopRange(3000, 3009))
      for (const _ of numbers(1, 3)) await store().allocate(web)
      await store().release({ ...web, portNumber: 3000 })
      expect(await store().resizeRange('shop', { startPort: 3001, endPort: 3002 })).toEqual(
        shopRange(3001, 3002),
      )
      await expect(store().allocate(api)).rejects.toMatchObject({ code: 'RANGE_EXHAUSTED' })
      expect(await livePorts(store)).toEqual([3001, 3002])
    })

    it('gives a number again that was cut off and came back', async () => {
      await store().createRange(shopRange(3000, 3003))
      for (const _ of numbers(1, 4)) await store().allocate(web)
      await store().release({ ...web, portNumber: 3000 })
      await store().release({ ...web, portNumber: 3003 })
      await store().resizeRange('shop', { startPort: 3001, endPort: 3002 })
      await store().resizeRange('shop', { startPort: 3000, endPort: 3003 })
      expect(await store().allocate(api)).toBe(3000)
      expect(await store().allocate(api)).toBe(3003)
    })

    it('leaves numbers that were cut off to another project', async () => {
      await store().createRange(shopRange(3000, 3009))
      for (const _ of numbers(1, 10)) await store().allocate(web)
      for (const portNumber of numbers(3005, 3009)) await store().release({ ...web, portNumber })
      await store().resizeRange('shop', { startPort: 3000, endPort: 3004 })
      await store().createRange(blog(3005, 3009))
      expect(await store().allocate({ ...web, projectName: 'blog' })).toBe(3005)
      await expect(store().allocate(api)).rejects.toMatchObject({ code: 'RANGE_EXHAUSTED' })
    })

    it('moves a range from which nothing is held', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      await store().release(web)
      await store().resizeRange('shop', { startPort: 7000, endPort: 7009 })
      expect(await store().listRanges()).toEqual([shopRange(7000, 7009)])
      expect(await store().allocate(web)).toBe(7000)
    })

    it('does not change a range if the bounds are the same', async () => {
      await store().createRange(shopRange(3000, 3009))
      expect(await store().resizeRange('shop', { startPort: 3000, endPort: 3009 })).toEqual(
        shopRange(3000, 3009),
      )
    })

    it.each([
      ['low', { startPort: 3001, endPort: 3009 }, { ...web, portNumber: 3000 }],
      ['high', { startPort: 3000, endPort: 3000 }, { ...api, portNumber: 3001 }],
    ])('does not cut off a held port at the %s end, and names it', async (_end, bounds, holder) => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      await store().allocate(api)
      const { serviceName, portNumber, hostname, protocol } = holder
      await expect(store().resizeRange('shop', bounds)).rejects.toMatchObject({
        name: 'PortsError',
        code: 'RANGE_IN_USE',
        details: {
          projectName: 'shop',
          allocations: [{ serviceName, portNumber, hostname, protocol }],
          count: 1,
        },
      })
      expect(await store().listRanges()).toEqual([shopRange(3000, 3009)])
      expect(await livePorts(store)).toEqual([3000, 3001])
    })

    it('does not cut off a port that is held on another host', async () => {
      await store().createRange(shopRange(3000, 3009))
      const elsewhere = { hostname: 'alpha', protocol: 'udp' } as const
      await store().allocate({ ...web, ...elsewhere })
      await expect(
        store().resizeRange('shop', { startPort: 3001, endPort: 3009 }),
      ).rejects.toMatchObject({
        code: 'RANGE_IN_USE',
        details: { allocations: [{ serviceName: 'web', portNumber: 3000, ...elsewhere }] },
      })
    })

    it("does not overlap another project's range, and names it", async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().createRange(blog(3010, 3019))
      await expect(
        store().resizeRange('shop', { startPort: 3000, endPort: 3010 }),
      ).rejects.toMatchObject({ code: 'RANGE_OVERLAP', details: { range: blog(3010, 3019) } })
      expect(await store().listRanges()).toEqual([shopRange(3000, 3009), blog(3010, 3019)])
    })

    it('leaves no port outside the range when others allocate meanwhile', async () => {
      await store().createRange(shopRange(3000, 3019))
      const allocate = () => store().allocate(web)
      const [before, resized, after] = await Promise.all([
        atOnce(10, allocate),
        store()
          .resizeRange('shop', { startPort: 3005, endPort: 3009 })
          .catch((error) => error),
        atOnce(10, allocate),
      ])
      for (const error of [...before.errors, ...after.errors]) {
        expect(error).toMatchObject({ code: 'RANGE_EXHAUSTED' })
      }
      if (resized instanceof Error) expect(resized).toMatchObject({ code: 'RANGE_IN_USE' })
      const [range] = await store().listRanges()
      const live = await livePorts(store)
      expect(live).toEqual(ascending([...before.ports, ...after.ports]))
      expect(live.filter((port) => port < range!.startPort || port > range!.endPort)).toEqual([])
    })
  })

  describe('deleteRange', () => {
    it('leaves the project without a range and its numbers to others', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      await store().release(web)
      await store().deleteRange('shop')
      expect(await store().listRanges()).toEqual([])
      await expect(store().allocate(web)).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' })
      await store().createRange(blog(3000, 3009))
      expect(await store().allocate({ ...web, projectName: 'blog' })).toBe(3000)
    })

    it('lets the project have a range again', async () => {
      await store().createRange(shopRange(3000, 3009))
      for (const _ of numbers(1, 3)) await store().allocate(web)
      await store().release(web)
      await store().deleteRange('shop')
      await store().createRange(shopRange(3001, 3002))
      expect(await store().allocate(web)).toBe(3001)
      expect(await store().allocate(web)).toBe(3002)
      await expect(store().allocate(web)).rejects.toMatchObject({ code: 'RANGE_EXHAUSTED' })
    })

    it('does not take the range of held ports, and names them', async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      await store().allocate({ ...api, hostname: 'alpha', protocol: 'udp' })
      const refusal = await store()
        .deleteRange('shop')
        .catch((error) => error)
      expect(refusal).toMatchObject({
        name: 'PortsError',
        code: 'RANGE_IN_USE',
        details: { projectName: 'shop', count: 2 },
      })
      expect(refusal.details.allocations).toHaveLength(2)
      for (const holder of [
        { serviceName: 'web', portNumber: 3000, hostname: 'localhost', protocol: 'tcp' },
        { serviceName: 'api', portNumber: 3000, hostname: 'alpha', protocol: 'udp' },
      ]) {
        expect(refusal.details.allocations).toContainEqual(expect.objectContaining(holder))
      }
      expect((await store().list({ projectName: 'shop' })).total).toBe(2)
    })

    it('leaves no port without a range when others allocate meanwhile', async () => {
      await store().createRange(shopRange(3000, 3019))
      const [allocated] = await Promise.all([
        atOnce(10, () => store().allocate(web)),
        store()
          .deleteRange('shop')
          .catch((error) => expect(error).toMatchObject({ code: 'RANGE_IN_USE' })),
      ])
      for (const error of allocated.errors) {
        expect(error).toMatchObject({ code: 'PROJECT_NOT_FOUND' })
      }
      const live = await livePorts(store)
      expect(live).toEqual(ascending(allocated.ports))
      expect(await store().listRanges()).toHaveLength(live.length > 0 ? 1 : 0)
    })
  })

  describe('deleteRanges', () => {
    beforeEach(async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().createRange(blog(4000, 4009))
      await store().createRange({ projectName: 'mail', startPort: 5000, endPort: 5009 })
    })
    const owners = async () => (await store().listRanges()).map(({ projectName }) => projectName)

    it('takes the ranges of all projects that it names, and no other', async () => {
      await store().allocate(web)
      await store().release(web)
      await store().deleteRanges(['shop', 'mail'])
      expect(await owners()).toEqual(['blog'])
    })

    it('takes none if one of the projects holds a port', async () => {
      await store().allocate({ ...web, projectName: 'mail' })
      for (const names of [
        ['shop', 'mail', 'blog'],
        ['mail', 'shop'],
      ]) {
        await expect(store().deleteRanges(names)).rejects.toMatchObject({
          code: 'RANGE_IN_USE',
          details: { projectName: 'mail', count: 1 },
        })
      }
      expect(await owners()).toEqual(['shop', 'blog', 'mail'])
    })

    it('takes none if one of the projects has no range', async () => {
      await expect(store().deleteRanges(['shop', 'ghost'])).rejects.toMatchObject({
        code: 'PROJECT_NOT_FOUND',
        details: { projectName: 'ghost' },
      })
      expect(await owners()).toEqual(['shop', 'blog', 'mail'])
    })

    it('does nothing if it names no project', async () => {
      await store().deleteRanges([])
      expect(await owners()).toEqual(['shop', 'blog', 'mail'])
    })

    it('leaves no port without a range when others allocate meanwhile', async () => {
      const [allocated] = await Promise.all([
        atOnce(10, () => store().allocate({ ...web, projectName: 'mail' })),
        store()
          .deleteRanges(['blog', 'mail', 'shop'])
          .catch((error) => expect(error).toMatchObject({ code: 'RANGE_IN_USE' })),
      ])
      for (const error of allocated.errors) {
        expect(error).toMatchObject({ code: 'PROJECT_NOT_FOUND' })
      }
      const live = await livePorts(store)
      expect(live).toEqual(ascending(allocated.ports))
      expect(await owners()).toHaveLength(live.length > 0 ? 3 : 0)
    })
  })
}
