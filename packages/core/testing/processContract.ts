import { beforeEach, describe, expect, it } from 'vitest'
import type { Verdict } from '../src/listeners/Sighting.js'
import { api, type Store, shopRange, web } from './shop.js'

const PROCESS = { pid: 4242, started: 'boot/17', directory: '/srv/shop', command: 'node web.js' }

export function describeProcesses(store: Store) {
  const idOf = async (serviceName: string) =>
    (await store().list({ serviceName })).allocations[0]!.id
  const recorded = () => store().listProcesses('localhost')

  beforeEach(async () => {
    await store().createRange(shopRange(3000, 3009))
    await store().allocate(web)
    await store().allocate(api)
  })

  describe('recordProcess', () => {
    it('records the process of an allocation, for its host', async () => {
      const allocationId = await idOf('web')
      expect(await store().recordProcess(allocationId, PROCESS)).toBe(true)
      const { protocol: _, ...service } = web
      expect(await recorded()).toEqual([
        { ...PROCESS, ...service, allocationId, recordedAt: expect.any(Date) },
      ])
      expect(await store().listProcesses('build-1')).toEqual([])
    })

    it('replaces the one recorded before', async () => {
      const allocationId = await idOf('web')
      await store().recordProcess(allocationId, PROCESS)
      await store().recordProcess(allocationId, { pid: 4243, started: 'boot/18' })
      const [only, ...others] = await recorded()
      expect(others).toEqual([])
      expect(only).toMatchObject({ pid: 4243, started: 'boot/18' })
      expect(only).not.toHaveProperty('directory')
      expect(only).not.toHaveProperty('command')
    })

    it('records nothing for a holding that has ended, and forgets its process', async () => {
      const allocationId = await idOf('web')
      await store().recordProcess(allocationId, PROCESS)
      await store().release(web)
      expect(await recorded()).toEqual([])
      expect(await store().recordProcess(allocationId, PROCESS)).toBe(false)
      await store().allocate(web)
      expect(await recorded()).toEqual([])
      expect(await store().recordProcess(await idOf('api'), PROCESS)).toBe(true)
      expect((await recorded()).map(({ serviceName }) => serviceName)).toEqual(['api'])
    })

    it('takes one record of twenty at the same time for one allocation', async () => {
      const allocationId = await idOf('web')
      const pids = Array.from({ length: 20 }, (_, nth) => nth + 1)
      const record = (pid: number) => store().recordProcess(allocationId, { ...PROCESS, pid })
      expect(await Promise.all(pids.map(record))).toEqual(pids.map(() => true))
      const [only, ...others] = await recorded()
      expect(others).toEqual([])
      expect(pids).toContain(only!.pid)
    })
  })

  describe('the kept checks', () => {
    const check = async (allocationId: string, ...verdicts: Verdict[]) => {
      for (const verdict of verdicts) await store().recordChecks([{ allocationId, verdict }])
    }

    it('say how often something listened, and how often that changed', async () => {
      const [webId, apiId] = [await idOf('web'), await idOf('api')]
      await check(webId, 'listening', 'listening', 'not-listening', 'unknown', 'listening')
      await check(apiId, 'not-listening')
      const health = await store().healthOf([webId, apiId])
      expect(health.get(webId)).toEqual({
        checks: 4,
        oldestCheckAt: expect.any(Date),
        listening: 3,
        lastListeningAt: expect.any(Date),
        changes: 2,
        changesInLastHour: 2,
      })
      expect(health.get(apiId)).toMatchObject({ checks: 1, listening: 0, changes: 0 })
      expect(health.get(apiId)).not.toHaveProperty('lastListeningAt')
    })

    it('say nothing of what was never checked', async () => {
      expect(await store().healthOf([await idOf('web')])).toEqual(new Map())
      expect(await store().healthOf([])).toEqual(new Map())
    })

    it('are listed newest first, with the process that was seen', async () => {
      const allocationId = await idOf('web')
      const process = { pid: 4242, command: 'node web.js', whose: 'holder' } as const
      await store().recordChecks([{ allocationId, verdict: 'listening', process }])
      await check(allocationId, 'not-listening', 'unknown')
      const checkedAt = expect.any(Date)
      expect(await store().checksOf(allocationId, 10)).toEqual([
        { checkedAt, verdict: 'unknown' },
        { checkedAt, verdict: 'not-listening' },
        { checkedAt, verdict: 'listening', process },
      ])
      expect(await store().checksOf(allocationId, 1)).toHaveLength(1)
    })
  })
}
