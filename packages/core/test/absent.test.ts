import { describe, expect, it } from 'vitest'
import { PortManager } from '../src/PortManager.js'
import type { PortRepository } from '../src/PortRepository.js'

/** A store that records its calls; its answers are of no use. */
function recording() {
  const asked: unknown[][] = []
  const answers: Readonly<Record<string, unknown>> = {
    list: { allocations: [], total: 0 },
    listRanges: [],
    release: [],
    summarize: { range: { projectName: 'shop', startPort: 1, endPort: 2 }, allocatedPorts: 0 },
  }
  const store = new Proxy({} as PortRepository, {
    get:
      (_target, method: string) =>
      async (...given: unknown[]) => {
        asked.push([method, ...given])
        return answers[method]
      },
  })
  return { asked, manager: new PortManager(store, { hostname: 'alpha' }) }
}

/** Every optional argument of every method, with `nothing` in its place. */
// biome-ignore lint/suspicious/noExplicitAny: what no type allows is what callers in JavaScript send
const calls: Readonly<Record<string, (manager: PortManager, nothing: any) => Promise<unknown>>> = {
  getOrAllocate: (manager, nothing) =>
    manager.getOrAllocate('shop', 'web', {
      hostname: nothing,
      protocol: nothing,
      serviceType: nothing,
      description: nothing,
      cloudflareHostname: nothing,
      signal: nothing,
    }),
  allocate: (manager, nothing) =>
    manager.allocate('shop', 'web', {
      hostname: nothing,
      protocol: nothing,
      serviceType: nothing,
      description: nothing,
      cloudflareHostname: nothing,
      idempotencyKey: nothing,
    }),
  release: (manager, nothing) => manager.release('shop', 'web', nothing, { protocol: nothing }),
  updatePort: (manager, nothing) =>
    manager.updatePort(
      'shop',
      'web',
      { serviceType: 'http', description: nothing ?? undefined },
      { hostname: nothing, protocol: nothing },
    ),
  listPage: (manager, nothing) =>
    manager.listPage({ projectName: nothing, cursor: nothing, limit: 10 }),
  getProjectSummary: (manager, nothing) =>
    manager.getProjectSummary('shop', { hostname: nothing, protocol: nothing }),
  createRange: (manager, nothing) =>
    manager.createRange({ projectName: 'shop', startPort: 1, endPort: 2, description: nothing }),
  'createRange by size': (manager, nothing) =>
    manager.createRange({ projectName: 'shop', size: 10, description: nothing }),
}

/** The same for arguments that are no text, of which only null counts as not given. */
// biome-ignore lint/suspicious/noExplicitAny: as above
const more: Readonly<Record<string, (manager: PortManager, nothing: any) => Promise<unknown>>> = {
  'release of a port': (manager, nothing) =>
    manager.release('shop', 'web', undefined, { portNumber: nothing }),
  'updatePort of a port': (manager, nothing) =>
    manager.updatePort('shop', 'web', { serviceType: 'http' }, { portNumber: nothing }),
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
    await expect(
      recording().manager.release('shop', 'web', undefined, { portNumber }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', details: { field: 'portNumber' } })
  })

  it('of a change clears the field if it is null', async () => {
    const [call] = await askedBy((manager) =>
      manager.updatePort('shop', 'web', { serviceType: null, description: '' }),
    )
    expect(call![2]).toEqual({ serviceType: null })
  })

  it('of a manager is absent if it is null or empty', () => {
    for (const hostname of [null, '']) {
      const { manager } = recording()
      expect(manager.scope({ hostname: hostname as string }).hostname).toBe('alpha')
      const options = { hostname: hostname as string }
      expect(new PortManager({} as PortRepository, options).scope().hostname).toBe('localhost')
    }
    expect(new PortManager({} as PortRepository, null as never).scope().hostname).toBe('localhost')
  })
})

async function askedBy(call: (manager: PortManager) => Promise<unknown>): Promise<unknown[][]> {
  const { asked, manager } = recording()
  await call(manager)
  return asked
}
