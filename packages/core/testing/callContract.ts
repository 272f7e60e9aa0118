import { describe, expect, it } from 'vitest'
import type { CallOptions } from '../src/CallOptions.js'
import type { PortRepository } from '../src/PortRepository.js'
import { type Store, shopRange, web } from './shop.js'

const webItem = { serviceName: 'web', protocols: ['tcp'], count: 2, contiguous: false } as const

type Call = (store: PortRepository, projectName: string, call?: CallOptions) => Promise<unknown>

/** Every method that names a project which must have a range. */
const IN_A_PROJECT: Readonly<Record<string, Call>> = {
  getOrAllocate: (store, projectName, call) => store.getOrAllocate({ ...web, projectName }, call),
  allocate: (store, projectName, call) => store.allocate({ ...web, projectName }, call),
  ensureMany: (store, projectName, call) =>
    store.ensureMany({ ...web, projectName, items: [{ ...webItem, serviceName: 'api' }] }, call),
  allocateMany: (store, projectName, call) =>
    store.allocateMany({ ...web, ...webItem, projectName }, call),
  release: (store, projectName, call) => store.release({ ...web, projectName }, call),
  move: (store, projectName, call) => store.move({ ...web, projectName, portNumber: 3009 }, call),
  update: (store, projectName, call) =>
    store.update({ ...web, projectName }, { description: 'Storefront' }, call),
  updateOnAllHosts: (store, projectName, call) =>
    store.updateOnAllHosts({ ...web, projectName }, { description: 'Storefront' }, call),
  neighbourhood: (store, projectName, call) =>
    store.neighbourhood({ projectName, hostname: 'localhost', without: [] }, call),
  list: (store, projectName, call) => store.list({ projectName }, call),
  listResting: (store, projectName, call) => store.listResting({ projectName }, call),
  summarize: (store, projectName, call) =>
    store.summarize(projectName, { hostname: 'localhost', protocol: 'tcp' }, [], call),
  resizeRange: (store, projectName, call) =>
    store.resizeRange(projectName, { startPort: 3000, endPort: 3001 }, {}, call),
  deleteRange: (store, projectName, call) => store.deleteRange(projectName, call),
}

/** Every method that takes `CallOptions`. */
const ABORTABLE: Readonly<Record<string, Call>> = {
  ...IN_A_PROJECT,
  recordChecks: (store, _projectName, call) => store.recordChecks([], call),
  recordProcess: (store, _projectName, call) =>
    store.recordProcess('1', { pid: 1, started: 'boot/1' }, call),
  listProcesses: (store, _projectName, call) => store.listProcesses('localhost', call),
  healthOf: (store, _projectName, call) => store.healthOf(['1'], call),
  checksOf: (store, _projectName, call) => store.checksOf('1', 10, call),
  networkOf: (store, _projectName, call) => store.networkOf('localhost', 'initial', call),
  assumedNetworkOf: (store, _projectName, call) =>
    store.assumedNetworkOf('localhost', 'boot/1', call),
  history: (store, projectName, call) => store.history({ projectName, limit: 10 }, call),
  listRanges: (store, _projectName, call) => store.listRanges(call),
  reserve: (store, _projectName, call) =>
    store.reserve({ startPort: 3000, endPort: 3009, reason: 'migration' }, call),
  unreserve: (store, _projectName, call) =>
    store.unreserve({ startPort: 3000, endPort: 3009 }, call),
  listReservations: (store, _projectName, call) => store.listReservations(call),
  createRange: (store, _projectName, call) =>
    store.createRange({ projectName: 'blog', startPort: 4000, endPort: 4009 }, call),
  createNextRange: (store, _projectName, call) =>
    store.createNextRange({ projectName: 'blog', size: 10 }, call),
}

export function describeCalls(store: Store) {
  describe('a project without a range', () => {
    it.each(Object.entries(IN_A_PROJECT))('is an error to %s', async (_method, call) => {
      await store().createRange(shopRange(3000, 3009))
      await expect(call(store(), 'ghost')).rejects.toMatchObject({
        name: 'PortsError',
        code: 'PROJECT_NOT_FOUND',
        details: { projectName: 'ghost', knownProjects: ['shop'], knownProjectsCount: 1 },
      })
      expect(await store().listRanges()).toEqual([shopRange(3000, 3009)])
      expect((await store().list({})).total).toBe(0)
    })

    it('is another one where its name differs in case', async () => {
      await store().createRange(shopRange(3000, 3009))
      await expect(store().allocate({ ...web, projectName: 'SHOP' })).rejects.toMatchObject({
        code: 'PROJECT_NOT_FOUND',
      })
    })
  })

  describe('a call that was aborted before', () => {
    it.each(Object.entries(ABORTABLE))('changes nothing in %s', async (_method, call) => {
      await store().createRange(shopRange(3000, 3009))
      await store().allocate(web)
      const [ranges, list] = [await store().listRanges(), await store().list({})]
      const reason = new Error('No longer wanted')
      const signal = AbortSignal.abort(reason)
      await expect(call(store(), 'shop', { signal })).rejects.toBe(reason)
      expect(await store().listRanges()).toEqual(ranges)
      expect(await store().list({})).toEqual(list)
    })
  })

  describe('close', () => {
    it('can be called again', async () => {
      await store().close()
      await expect(store().close()).resolves.toBeUndefined()
    })
  })
}
