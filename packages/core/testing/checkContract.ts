import { beforeEach, describe, expect, it } from 'vitest'
import type { Verdict } from '../src/listeners/Sighting.js'
import { api, heldBy, numbers, type Store, shopRange, web } from './shop.js'

export function describeChecks(store: Store) {
  const allocations = async () => (await store().list({})).allocations
  const record = async (verdict: Verdict) => {
    const [allocation] = await allocations()
    await store().recordChecks([{ allocationId: allocation!.id, verdict }])
    return (await allocations())[0]!
  }

  describe('recordChecks', () => {
    beforeEach(async () => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
    })

    it('sets in_use and the last use of a port on which something listens', async () => {
      expect(await record('listening')).toMatchObject({
        status: 'in_use',
        lastUsedAt: expect.any(Date),
      })
    })

    it('sets allocated if nothing listens any more, and keeps the last use', async () => {
      const { lastUsedAt } = await record('listening')
      const stopped = await record('not-listening')
      expect(stopped.status).toBe('allocated')
      expect(stopped.lastUsedAt).toEqual(lastUsedAt)
    })

    it('sets no last use if nothing was ever seen listening', async () => {
      const allocation = await record('not-listening')
      expect(allocation.status).toBe('allocated')
      expect(allocation.lastUsedAt).toBeUndefined()
    })

    it('keeps the status and the last use if the check found out nothing', async () => {
      const unseen = await record('unknown')
      expect(unseen.status).toBe('allocated')
      expect(unseen.lastUsedAt).toBeUndefined()
      const { lastUsedAt } = await record('listening')
      const stillInUse = await record('unknown')
      expect(stillInUse.status).toBe('in_use')
      expect(stillInUse.lastUsedAt).toEqual(lastUsedAt)
    })

    it('says when a check last told whether something listens, which an unknown does not do', async () => {
      expect((await allocations())[0]).not.toHaveProperty('lastCheckedAt')
      expect(await record('unknown')).not.toHaveProperty('lastCheckedAt')
      const checked = await record('not-listening')
      expect(checked.lastCheckedAt).toBeInstanceOf(Date)
      expect((await record('unknown')).lastCheckedAt).toEqual(checked.lastCheckedAt)
      const again = await record('listening')
      expect(again.lastCheckedAt!.getTime()).toBeGreaterThan(checked.lastCheckedAt!.getTime())
      expect(again.lastCheckedAt).toEqual(again.lastUsedAt)
    })

    it('moves the last use on with each sighting', async () => {
      const first = await record('listening')
      const second = await record('listening')
      expect(second.lastUsedAt!.getTime()).toBeGreaterThanOrEqual(first.lastUsedAt!.getTime())
    })

    it('sets each allocation by its own check', async () => {
      await store().allocate(api)
      await store().allocate(web)
      const [first, second] = await allocations()
      await store().recordChecks([
        { allocationId: first!.id, verdict: 'not-listening' },
        { allocationId: second!.id, verdict: 'listening' },
      ])
      expect((await allocations()).map(({ status }) => status)).toEqual([
        'allocated',
        'in_use',
        'allocated',
      ])
    })

    it('drops the check of an allocation that was released meanwhile, and keeps the others', async () => {
      await store().allocate(web)
      const [released, kept] = await allocations()
      await store().release({ ...web, portNumber: released!.portNumber })
      await store().allocate(api)
      await store().recordChecks([
        { allocationId: released!.id, verdict: 'listening' },
        { allocationId: kept!.id, verdict: 'listening' },
      ])
      const [next, same] = await allocations()
      expect(next).toMatchObject({ ...api, portNumber: released!.portNumber, status: 'allocated' })
      expect(next!.lastUsedAt).toBeUndefined()
      expect(same).toMatchObject({ id: kept!.id, status: 'in_use' })
    })

    it('does nothing without checks', async () => {
      const before = await allocations()
      await store().recordChecks([])
      expect(await allocations()).toEqual(before)
    })

    it('takes more checks of one allocation than it keeps', async () => {
      for (const _ of numbers(1, 105)) await record('not-listening')
      expect(await record('listening')).toMatchObject({ status: 'in_use' })
    })

    it('never changes the holder of the port', async () => {
      await record('not-listening')
      expect(await heldBy(store, web)).toEqual([{ portNumber: 3000 }])
      await record('listening')
      expect(await store().getOrAllocate(web)).toBe(3000)
    })
  })
}
