import { describe, expect, it } from 'vitest'
import { PortManager } from '../src/PortManager.js'
import { RecordingStore } from './recordingStore.js'

/** Every optional argument of every method, with `nothing` in its place. */
// biome-ignore lint/suspicious/noExplicitAny: what no type allows is what callers in JavaScript send
const calls: Readonly<Record<string, (manager: PortManager, nothing: any) => Promise<unknown>>> = {
  getOrAllocate: (manager, nothing) =>
    manager.getOrAllocate('shop', 'web', {
      hostname: nothing,
      protocol: nothing,
      instance: nothing,
      actor: nothing,
      serviceType: nothing,
      description: nothing,
      cloudflareHostname: nothing,
      signal: nothing,
    }),
  allocate: (manager, nothing) =>
    manager.allocate('shop', 'web', {
      hostname: nothing,
      protocol: nothing,
      instance: nothing,
      actor: nothing,
      serviceType: nothing,
      description: nothing,
      cloudflareHostname: nothing,
      idempotencyKey: nothing,
    }),
  ensureMany: (manager, nothing) =>
    manager.ensureMany('shop', [{ service: 'web', protocols: nothing, contiguous: nothing }], {
      hostname: nothing,
      instance: nothing,
      actor: nothing,
      passOver: nothing,
      serviceType: nothing,
      description: nothing,
      cloudflareHostname: nothing,
    }),
  release: (manager, nothing) =>
    manager.release('shop', 'web', nothing, {
      protocol: nothing,
      instance: nothing,
      actor: nothing,
    }),
  updatePort: (manager, nothing) =>
    manager.updatePort(
      'shop',
      'web',
      { serviceType: 'http', description: nothing ?? undefined },
      { hostname: nothing, protocol: nothing, instance: nothing, actor: nothing },
    ),
  listPage: (manager, nothing) =>
    manager.listPage({
      projectName: nothing,
      serviceName: nothing,
      hostname: nothing,
      cursor: nothing,
      limit: 10,
    }),
  find: (manager, nothing) =>
    manager.find('shop', 'web', { hostname: nothing, protocol: nothing, instance: nothing }),
  neighbourhood: (manager, nothing) =>
    manager.neighbourhood('shop', { hostname: nothing, without: nothing }),
  listAll: (manager, nothing) => manager.listAll({ serviceName: nothing, hostname: nothing }),
  listByProject: (manager, nothing) =>
    manager.listByProject('shop', { serviceName: nothing, hostname: nothing }),
  history: (manager, nothing) =>
    manager.history({
      projectName: nothing,
      serviceName: nothing,
      actor: nothing,
      since: nothing,
      cursor: nothing,
      limit: 10,
    }),
  getProjectSummary: (manager, nothing) =>
    manager.getProjectSummary('shop', { hostname: nothing, protocol: nothing }),
  createRange: (manager, nothing) =>
    manager.createRange({ projectName: 'shop', startPort: 1, endPort: 2, description: nothing }),
  'createRange by size': (manager, nothing) =>
    manager.createRange({ projectName: 'shop', size: 10, description: nothing }),
}

/** The same for arguments that are not text. Only null counts as not given. */
// biome-ignore lint/suspicious/noExplicitAny: as above
const more: Readonly<Record<string, (manager: PortManager, nothing: any) => Promise<unknown>>> = {
  'release of a port': (manager, nothing) =>
    manager.release('shop', 'web', undefined, { portNumber: nothing }),
  'updatePort of a port': (manager, nothing) =>
    manager.updatePort('shop', 'web', { serviceType: 'http' }, { portNumber: nothing }),
  'history of a port': (manager, nothing) => manager.history({ portNumber: nothing, limit: 10 }),
  'list of a port': (manager, nothing) => manager.listAll({ portNumber: nothing }),
  'ensureMany of a count': (manager, nothing) =>
    manager.ensureMany('shop', [{ service: 'web', count: nothing }]),
  'allocate of a count': (manager, nothing) => manager.allocate('shop', 'web', { count: nothing }),
  auditPorts: (manager, nothing) => manager.auditPorts({ timeoutMs: nothing, onProgress: nothing }),
  'createRange by ends': (manager, nothing) =>
    manager.createRange({ projectName: 'shop', startPort: 1, endPort: 2, size: nothing }),
  'getOrAllocate without options': (manager, nothing) =>
    manager.getOrAllocate('shop', 'web', nothing),
  'listAll without options': (manager, nothing) => manager.listAll(nothing),
  'listRanges without options': (manager, nothing) => manager.listRanges(nothing),
}

describe('an optional argument', () => {
  it.each(Object.entries(calls))('of %s is absent if it is null or empty', async (_, call) => {
    expect(await askedBy((manager) => call(manager, null))).toEqual(
      await askedBy((manager) => call(manager, undefined)),
    )
    expect(await askedBy((manager) => call(manager, ''))).toEqual(
      await askedBy((manager) => call(manager, undefined)),
    )
  })

  it.each(Object.entries(more))('of the %s is absent if it is null', async (_, call) => {
    expect(await askedBy((manager) => call(manager, null))).toEqual(
      await askedBy((manager) => call(manager, undefined)),
    )
  })

  it('that is a number is refused if it is empty', async () => {
    const portNumber = '' as unknown as number
    const manager = new PortManager(new RecordingStore().repository)
    await expect(manager.release('shop', 'web', undefined, { portNumber })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { field: 'portNumber' },
    })
  })

  it('of a change clears the field if it is null', async () => {
    const [call] = await askedBy((manager) =>
      manager.updatePort('shop', 'web', { serviceType: null, description: '' }),
    )
    expect(call![2]).toEqual({ serviceType: null })
  })

  it('of a manager is absent if it is null or empty', () => {
    const { repository } = new RecordingStore()
    const alpha = new PortManager(repository, { hostname: 'alpha' })
    for (const hostname of [null, ''] as string[]) {
      expect(alpha.scope({ hostname }).hostname).toBe('alpha')
      expect(new PortManager(repository, { hostname }).scope().hostname).toBe('localhost')
    }
    expect(new PortManager(repository, null as never).scope().hostname).toBe('localhost')
  })
})

async function askedBy(call: (manager: PortManager) => Promise<unknown>) {
  const store = new RecordingStore()
  await call(new PortManager(store.repository, { hostname: 'alpha' }))
  return store.calls
}
