import { beforeEach, describe, expect, it } from 'vitest'
import type { GivingOptions } from '../src/CallOptions.js'
import type { PortRepository } from '../src/PortRepository.js'
import {
  api,
  atOnce,
  ISO_8601,
  livePorts,
  type PassTime,
  type Store,
  shopRange,
  web,
} from './shop.js'

const SHOP = { projectName: 'shop' } as const

/** Every way to get ports, two at most. */
const WAYS: Readonly<
  Record<string, (store: PortRepository, name: string, call: GivingOptions) => Promise<unknown>>
> = {
  getOrAllocate: (store, serviceName, call) => store.getOrAllocate({ ...web, serviceName }, call),
  ensure: (store, serviceName, call) =>
    store.ensure({ ...web, serviceName, description: 'x' }, call),
  'ensure with a preferred number': (store, serviceName, call) =>
    store.ensure({ ...web, serviceName, preferredPort: 3050 }, call),
  claim: (store, serviceName, call) =>
    store.claim({ ...web, serviceName, portNumber: 3060 }, call).catch((error) => {
      if (error.code === 'PORT_TAKEN') return 0
      throw error
    }),
  allocate: (store, serviceName, call) => store.allocate({ ...web, serviceName }, call),
  'allocate with a key': (store, serviceName, call) =>
    store.allocate({ ...web, serviceName, idempotencyKey: 'k' }, call),
  allocateMany: (store, serviceName, call) =>
    store.allocateMany({ ...web, serviceName, count: 2, contiguous: false }, call),
  ensureMany: (store, serviceName, call) => {
    const item = { serviceName, protocols: ['tcp', 'udp'], count: 1, contiguous: false } as const
    const { projectName, instance, hostname } = web
    return store.ensureMany({ projectName, instance, hostname, items: [item] }, call)
  },
}

export function describeLimits(store: Store, passTime: PassTime) {
  const giveWeb = (nth: number, call: GivingOptions = {}) =>
    store().getOrAllocate({ ...web, serviceName: `web${nth}` }, call)
  const eventsOf = async (what: string) =>
    (await store().history({ limit: 100 })).events.filter((event) => event.what === what)

  describe('a limit', () => {
    beforeEach(async () => {
      await store().createRange(shopRange(3000, 3099))
    })

    it('is set, listed with what it counts, changed and removed, with an event each', async () => {
      const call = { actor: 'ann' }
      const first = { ...SHOP, maxPorts: 5, perMinute: 60, setBy: 'ann' }
      expect(await store().setLimit(SHOP, { maxPorts: 5, perMinute: 60 }, call)).toEqual(first)
      expect(await store().setLimit({ actor: 'claude*' }, { maxPorts: 3 }, call)).toEqual({
        ...{ actor: 'claude*', maxPorts: 3, setBy: 'ann' },
      })
      await store().getOrAllocate(web, { actor: 'claude-code' })
      await store().getOrAllocate(api, { actor: 'bob' })
      expect(await store().listLimits()).toEqual([
        { ...first, held: 2, givenLastMinute: 2 },
        { actor: 'claude*', maxPorts: 3, setBy: 'ann', held: 1 },
      ])
      await store().setLimit(SHOP, { maxPorts: 7 })
      expect(await store().removeLimit(SHOP)).toEqual({ ...SHOP, maxPorts: 7 })
      expect(await store().removeLimit(SHOP)).toBeUndefined()
      expect(await store().listLimits()).toMatchObject([{ actor: 'claude*' }])
      expect(await eventsOf('limit-set')).toMatchObject([
        { projectName: 'shop', before: { maxPorts: 5, perMinute: 60 }, after: { maxPorts: 7 } },
        { after: { limitedActor: 'claude*', maxPorts: 3 } },
        { projectName: 'shop', actor: 'ann', after: { maxPorts: 5, perMinute: 60 } },
      ])
      expect(await eventsOf('limit-removed')).toMatchObject([{ before: { maxPorts: 7 } }])
    })

    it('is refused for an unknown project', async () => {
      await expect(
        store().setLimit({ projectName: 'nothing' }, { maxPorts: 5 }),
      ).rejects.toMatchObject({ code: 'PROJECT_NOT_FOUND' })
    })

    it.each(Object.entries(WAYS))('of the ports held holds for %s', async (_way, give) => {
      await store().setLimit(SHOP, { maxPorts: 2 })
      await giveWeb(1)
      await giveWeb(2)
      const before = await livePorts(store)
      await expect(give(store(), 'more', { actor: 'ann' })).rejects.toMatchObject({
        code: 'LIMIT_REACHED',
        message: expect.stringMatching(/^shop may hold 2 ports and holds 2, so \d more port/),
        details: { limit: 'maxPorts', projectName: 'shop', actor: null, held: 2, retryAt: null },
      })
      expect(await livePorts(store)).toEqual(before)
      await store().release({ ...web, serviceName: 'web1' })
      await store().release({ ...web, serviceName: 'web2' })
      await give(store(), 'more', { actor: 'ann' })
    })

    it.each(Object.entries(WAYS))('of a minute holds for %s', async (_way, give) => {
      await store().setLimit({ actor: 'a*' }, { perMinute: 2 })
      const call = { actor: 'ann' }
      await giveWeb(1, call)
      await giveWeb(2, { actor: 'adam' })
      await store().release({ ...web, serviceName: 'web1' })
      await giveWeb(3, { actor: 'bob' })
      await expect(give(store(), 'more', call)).rejects.toMatchObject({
        code: 'LIMIT_REACHED',
        message: expect.stringMatching(
          /^The actors a\* may get 2 new ports a minute\. 2 were allocated/,
        ),
        details: {
          limit: 'perMinute',
          actor: 'a*',
          used: 2,
          retryAt: expect.stringMatching(ISO_8601),
        },
      })
      await passTime(60)
      await give(store(), 'more', call)
    })

    it.each(Object.entries(WAYS))('that the call brings holds for %s', async (_way, give) => {
      const call = { actor: 'agent*', limits: { maxPorts: 2 } }
      await giveWeb(1, call)
      await giveWeb(2, { actor: 'agent*' })
      await expect(give(store(), 'more', call)).rejects.toMatchObject({
        code: 'LIMIT_REACHED',
        message: expect.stringMatching(/^The actor/),
        details: { limit: 'maxPorts', actor: 'agent*', isOwn: true, held: 2 },
      })
      await give(store(), 'more', { actor: 'agents', limits: { maxPorts: 2 } })
    })

    it('does not apply to ports that are already held', async () => {
      await giveWeb(1)
      await store().setLimit(SHOP, { maxPorts: 0, perMinute: 0 })
      expect(await giveWeb(1)).toBe(3000)
      const held = { ...web, serviceName: 'web1' }
      expect(await store().ensure({ ...held, description: 'x' })).toMatchObject({ created: false })
      expect(await store().claim({ ...held, portNumber: 3000 })).toBe(false)
      expect(await store().move({ ...held, portNumber: 3001 })).toMatchObject({ moved: true })
    })

    it('counts the ports of the actor who got them, also after a move by another', async () => {
      await store().setLimit({ actor: 'ann' }, { maxPorts: 1 })
      await store().getOrAllocate(web, { actor: 'ann' })
      await store().move({ ...web, portNumber: 3005 }, { actor: 'bob' })
      await expect(store().getOrAllocate(api, { actor: 'ann' })).rejects.toMatchObject({
        code: 'LIMIT_REACHED',
      })
      await store().getOrAllocate(api, { actor: 'bob' })
    })

    it('takes an asterisk for any text, and other characters as they are', async () => {
      await store().setLimit({ actor: '50%_\\*x' }, { maxPorts: 0 })
      await giveWeb(1, { actor: '50 percent x' })
      await giveWeb(2, { actor: '50%_\\' })
      await expect(giveWeb(3, { actor: '50%_\\ and x' })).rejects.toMatchObject({
        code: 'LIMIT_REACHED',
      })
    })

    it('does not count a lease that has ended', async () => {
      await store().setLimit(SHOP, { maxPorts: 1 })
      await store().ensure({ ...web, ttlSeconds: 60 })
      await expect(store().getOrAllocate(api)).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
      await passTime(60)
      await store().getOrAllocate(api)
    })

    it('counts nothing for a call that fails', async () => {
      await store().setLimit(SHOP, { perMinute: 1 })
      await store().resizeRange('shop', { startPort: 3000, endPort: 3000 })
      await store().claim({ ...web, portNumber: 3000 })
      await passTime(60)
      await expect(store().allocate(api)).rejects.toMatchObject({ code: 'RANGE_EXHAUSTED' })
      await expect(store().claim({ ...api, portNumber: 3000 })).rejects.toMatchObject({
        code: 'PORT_TAKEN',
      })
      await store().resizeRange('shop', { startPort: 3000, endPort: 3001 })
      expect(await store().allocate(api)).toBe(3001)
    })

    it('is not exceeded by twenty concurrent calls', async () => {
      await store().setLimit(SHOP, { maxPorts: 7 })
      await store().setLimit({ actor: '*' }, { perMinute: 5 })
      const { ports, errors } = await atOnce(20, (nth) =>
        nth % 2 === 0
          ? giveWeb(nth, { actor: `agent${nth}` })
          : store().allocate({ ...web, serviceName: `web${nth}` }, { actor: `agent${nth}` }),
      )
      expect(ports).toHaveLength(5)
      for (const error of errors) expect(error).toMatchObject({ code: 'LIMIT_REACHED' })
      expect(await livePorts(store)).toHaveLength(5)
    })

    it('is in a dump, and holds after the load', async () => {
      await store().setLimit({ actor: 'ann' }, { maxPorts: 1 }, { actor: 'root' })
      await store().getOrAllocate(web, { actor: 'ann' })
      const content = await store().dump()
      expect(content.limits).toEqual([{ actor: 'ann', maxPorts: 1, setBy: 'root' }])
      expect(content.allocations).toMatchObject([{ heldBy: 'ann' }])
      await store().release(web)
      await store().deleteRange('shop')
      const envelope = { format: 'ports-registry', version: 1 } as const
      await store().load({ ...envelope, takenAt: new Date().toISOString(), ...content })
      await expect(store().getOrAllocate(api, { actor: 'ann' })).rejects.toMatchObject({
        code: 'LIMIT_REACHED',
      })
    })
  })
}
