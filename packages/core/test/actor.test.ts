import { hostname, userInfo } from 'node:os'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { PortManager } from '../src/PortManager.js'
import { RecordingStore } from './recordingStore.js'

let store: RecordingStore
beforeEach(() => {
  store = new RecordingStore()
  stubActor(undefined)
})

function stubActor(actor: string | undefined): void {
  vi.stubEnv('PORTS_ACTOR', actor)
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
}

const here = `${userInfo().username}@${hostname()}`.slice(0, 200)

/** Every method of the manager that changes something and writes an event. */
const WRITES: Readonly<
  Record<string, (manager: PortManager, call?: { actor?: string }) => Promise<unknown>>
> = {
  getOrAllocate: (manager, call) => manager.getOrAllocate('shop', 'web', call),
  allocate: (manager, call) => manager.allocate('shop', 'web', call),
  'allocate with a count': (manager, call) =>
    manager.allocate('shop', 'web', { ...call, count: 2 }),
  ensureMany: (manager, call) => manager.ensureMany('shop', [{ service: 'web' }], call),
  'allocate with a key': (manager, call) =>
    manager.allocate('shop', 'web', { ...call, idempotencyKey: 'first' }),
  release: (manager, call) => manager.release('shop', 'web', undefined, call),
  releasePorts: (manager, call) => manager.releasePorts('shop', 'web', undefined, call),
  updatePort: (manager, call) =>
    manager.updatePort('shop', 'web', { description: 'Storefront' }, call),
  createRange: (manager, call) =>
    manager.createRange({ projectName: 'shop', startPort: 3000, endPort: 3009 }, call),
  'createRange by size': (manager, call) =>
    manager.createRange({ projectName: 'shop', size: 10 }, call),
  resizeRange: (manager, call) =>
    manager.resizeRange('shop', { startPort: 3000, endPort: 3009 }, call),
  deleteRange: (manager, call) => manager.deleteRange('shop', call),
  deleteRanges: (manager, call) => manager.deleteRanges(['shop', 'blog'], call),
}

describe.each(Object.entries(WRITES))('the actor of %s', (_method, write) => {
  it('is the user of this process if none is named', async () => {
    await write(new PortManager(store.repository))
    expect(store.actors).toEqual([here])
  })

  it('is the one that the call names', async () => {
    const manager = new PortManager(store.repository)
    await write(manager, { actor: 'agent 1.0' })
    await write(manager, { actor: '' })
    expect(store.actors).toEqual(['agent 1.0', here])
  })

  it('is that of the manager, whatever the call names', async () => {
    stubActor('from the environment')
    const manager = new PortManager(store.repository, { actor: 'deploy' })
    await write(manager, { actor: 'agent 1.0' })
    await write(manager)
    expect(store.actors).toEqual(['deploy', 'deploy'])
  })

  it('is PORTS_ACTOR, whatever the call names', async () => {
    stubActor('ci-runner')
    const manager = new PortManager(store.repository)
    await write(manager, { actor: 'agent 1.0' })
    await write(manager)
    expect(store.actors).toEqual(['ci-runner', 'ci-runner'])
  })

  it.each([' ', 'a\0b', 'x'.repeat(201), 42])('cannot be %j', async (actor) => {
    const manager = new PortManager(store.repository)
    await expect(write(manager, { actor: actor as string })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      details: { field: 'actor', value: actor },
    })
    expect(store.actors).toEqual([])
  })
})

describe('an actor', () => {
  it('may have 200 characters, of any script', async () => {
    const actor = '🦀'.repeat(200)
    await new PortManager(store.repository).allocate('shop', 'web', { actor })
    expect(store.actors).toEqual([actor])
  })

  it('is not configured by an empty PORTS_ACTOR or option', async () => {
    stubActor('')
    for (const options of [{}, { actor: '' }]) {
      const manager = new PortManager(store.repository, options)
      await manager.allocate('shop', 'web', { actor: 'agent 1.0' })
    }
    expect(store.actors).toEqual(['agent 1.0', 'agent 1.0'])
  })

  it('is refused when the manager is made, and the error names the option or variable', () => {
    expect(() => new PortManager(store.repository, { actor: ' ' })).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        details: { field: 'actor', value: ' ' },
      }),
    )
    stubActor('a\nb'.repeat(100))
    expect(() => new PortManager(store.repository)).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        details: { field: 'PORTS_ACTOR', value: expect.any(String) },
      }),
    )
  })
})
