import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Service } from '../src/PortAllocation.js'
import { PortManager } from '../src/PortManager.js'
import { RecordingStore } from './recordingStore.js'

let store: RecordingStore
beforeEach(() => {
  store = new RecordingStore()
  stubInstance(undefined)
})

function stubInstance(instance: string | undefined): void {
  vi.stubEnv('PORTS_INSTANCE', instance)
  onTestFinished(() => {
    vi.unstubAllEnvs()
  })
}

/** The instances that the store was asked for. */
const asked = () => store.calls.map(([, request]) => (request as Service).instance)

/** Every method of the manager that takes an instance. */
const CALLS: Readonly<
  Record<string, (manager: PortManager, options?: { instance?: string }) => Promise<unknown>>
> = {
  getOrAllocate: (manager, options) => manager.getOrAllocate('shop', 'web', options),
  allocate: (manager, options) => manager.allocate('shop', 'web', options),
  'allocate with a count': (manager, options) =>
    manager.allocate('shop', 'web', { ...options, count: 2 }),
  ensureMany: (manager, options) => manager.ensureMany('shop', [{ service: 'web' }], options),
  release: (manager, options) => manager.release('shop', 'web', undefined, options),
  releasePorts: (manager, options) => manager.releasePorts('shop', 'web', undefined, options),
  find: (manager, options) => manager.find('shop', 'web', options),
  updatePort: (manager, options) =>
    manager.updatePort('shop', 'web', { description: 'Storefront' }, options),
}

describe.each(Object.entries(CALLS))('the instance of %s', (_method, call) => {
  it('is the primary one if none is named', async () => {
    await call(new PortManager(store.repository))
    for (const named of ['', '(primary)']) {
      stubInstance(named)
      await call(new PortManager(store.repository))
    }
    expect(asked()).toEqual(['', '', ''])
  })

  it('is the one that the call names', async () => {
    stubInstance('billing')
    const manager = new PortManager(store.repository, { instance: 'checkout' })
    await call(manager, { instance: 'login' })
    expect(asked()).toEqual(['login'])
  })

  it('is the primary one if the call names that, whatever else names one', async () => {
    stubInstance('billing')
    const manager = new PortManager(store.repository, { instance: 'checkout' })
    await call(manager, { instance: '(primary)' })
    await call(new PortManager(store.repository, { instance: '(primary)' }))
    expect(asked()).toEqual(['', ''])
  })

  it('is else that of the manager, and else that of the environment', async () => {
    stubInstance('billing')
    await call(new PortManager(store.repository, { instance: 'checkout' }), { instance: '' })
    await call(new PortManager(store.repository))
    expect(asked()).toEqual(['checkout', 'billing'])
  })
})

describe('the instance of a manager', () => {
  it('is refused if it cannot be a name', () => {
    expect(() => new PortManager(store.repository, { instance: 'two words' })).toThrowError(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        details: expect.objectContaining({ field: 'instance' }),
      }),
    )
    stubInstance('feature/login')
    expect(() => new PortManager(store.repository)).toThrowError(
      expect.objectContaining({
        message: expect.stringMatching(
          /^PORTS_INSTANCE is "feature\/login", .* such as feature-login/,
        ),
      }),
    )
  })

  it('is shown by the service that a call means', () => {
    const manager = new PortManager(store.repository, { instance: 'login', hostname: 'alpha' })
    expect(manager.service('shop', 'web')).toEqual({
      projectName: 'shop',
      serviceName: 'web',
      instance: 'login',
      hostname: 'alpha',
      protocol: 'tcp',
    })
    expect(manager.service('shop', 'web', { instance: 'x', protocol: 'udp' })).toMatchObject({
      instance: 'x',
      protocol: 'udp',
    })
  })
})

describe('the instance of the environment', () => {
  it('does not apply outside the checkout that goes with it', async () => {
    stubInstance('billing')
    for (const [checkout, instance] of [
      [process.cwd(), 'billing'],
      ['/', 'billing'],
      ['', 'billing'],
      [`${process.cwd()}-2`, ''],
      ['/elsewhere', ''],
    ] as const) {
      vi.stubEnv('PORTS_CHECKOUT', checkout)
      expect(new PortManager(store.repository).instance('shop'), checkout).toBe(instance)
    }
  })

  it('does not apply to a project other than the one that goes with it', () => {
    stubInstance('billing')
    vi.stubEnv('PORTS_PROJECT', 'shop')
    const manager = new PortManager(store.repository)
    expect(manager.instance('shop')).toBe('billing')
    expect(manager.instance('blog')).toBe('')
    expect(manager.instance('blog', { instance: 'login' })).toBe('login')
  })
})
