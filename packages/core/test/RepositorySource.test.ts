import { setImmediate as turn } from 'node:timers/promises'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { PortsError } from '../src/errors.js'
import { PortManager } from '../src/PortManager.js'
import type { PortRepository } from '../src/PortRepository.js'
import { RepositorySource } from '../src/RepositorySource.js'
import { CountingOpener, RecordingStore } from './recordingStore.js'

let opener: CountingOpener
let manager: PortManager

beforeEach(() => {
  opener = new CountingOpener()
  manager = new PortManager(opener, { hostname: 'localhost' })
})

function gate() {
  let open = () => {}
  opener.ready = new Promise<void>((resolve) => {
    open = resolve
  })
  return open
}

describe('a store that is opened when it is needed', () => {
  it('is opened by the first call, once', async () => {
    expect(opener.opens).toBe(0)
    expect(await manager.getOrAllocate('shop', 'web')).toBe(3000)
    await manager.listAll()
    await manager.history({ limit: 1 })
    expect(opener.opens).toBe(1)
    expect(opener.store.methods).toEqual(['getOrAllocate', 'list', 'history'])
  })

  it('is opened once by many calls at the same time', async () => {
    await Promise.all(Array.from({ length: 20 }, () => manager.getOrAllocate('shop', 'web')))
    expect(opener.opens).toBe(1)
    expect(opener.store.methods).toHaveLength(20)
  })

  it('fails only the calls that waited for it, and the next call tries again', async () => {
    opener.failure = new Error('no database')
    const outcomes = await Promise.allSettled([
      manager.getOrAllocate('shop', 'web'),
      manager.listAll(),
    ])
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: opener.failure })
    expect(opener.opens).toBe(1)
    opener.failure = undefined
    expect(await manager.getOrAllocate('shop', 'web')).toBe(3000)
    expect(opener.opens).toBe(2)
  })

  it('is not opened by malformed input', async () => {
    const malformed = [
      () => manager.getOrAllocate('shop', ''),
      () => manager.getOrAllocate('shop', 'web', { instance: 'two words' }),
      () => manager.allocate('shop', 'web', { actor: ' ' }),
      () => manager.release('sh op', 'web'),
      () => manager.updatePort('shop', 'web', {}),
      () => manager.listByProject('../'),
      () => manager.listPage({ limit: 0 }),
      () => manager.getProjectSummary(''),
      () => manager.verifyPort(0),
      () => manager.auditPorts({ timeoutMs: 0 }),
      () => manager.createRange({ projectName: 'shop', size: 0 }),
      () => manager.resizeRange('shop', { startPort: 2, endPort: 1 }),
      () => manager.deleteRange('-'),
      () => manager.history({ limit: 0 }),
    ]
    for (const call of malformed) {
      await expect(call()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
    }
    expect([opener.opens, opener.looks]).toEqual([0, 0])
  })

  it('is never opened by a check of this host or another', async () => {
    opener.isRunning = false
    await manager.checkPort(3000)
    await manager.checkPort(3000, 'no-such-host.invalid')
    expect(opener.opens).toBe(0)
  })

  it('is not opened to be closed', async () => {
    await manager.close()
    expect([opener.opens, opener.closes]).toEqual([0, 0])
  })

  it('is closed by the manager, once', async () => {
    await manager.listAll()
    await manager.close()
    await manager.close()
    expect([opener.opens, opener.closes]).toEqual([1, 1])
  })

  it('is closed as soon as it is open, if the manager is closed before', async () => {
    const open = gate()
    const call = manager.listAll()
    await turn()
    const closing = manager.close()
    open()
    await Promise.all([call, closing])
    expect([opener.opens, opener.closes]).toEqual([1, 1])
  })

  it('does not keep the manager from closing if it could not be opened', async () => {
    opener.failure = new Error('no database')
    const call = manager.listAll()
    const closing = manager.close()
    await expect(call).rejects.toBe(opener.failure)
    await expect(closing).resolves.toBeUndefined()
  })

  it('is not opened again by a call after the manager was closed', async () => {
    await manager.listAll()
    await manager.close()
    await expect(manager.listAll()).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      message: expect.stringContaining('was closed'),
    })
    expect(opener.opens).toBe(1)
  })

  it('is closed after the last attempt of a call that is repeated', async () => {
    const busy = new PortsError('BUSY', 'Another session is using what this call needs.')
    let attempts = 0
    const store = new RecordingStore()
    const repository: PortRepository = Object.assign(Object.create(store.repository), {
      getOrAllocate: async () => {
        attempts++
        if (attempts < 3) throw busy
        return 3000
      },
    })
    const withStore = new PortManager(repository)
    const call = withStore.getOrAllocate('shop', 'web')
    await turn()
    await withStore.close()
    expect(attempts).toBe(3)
    expect(store.methods).toEqual(['close'])
    expect(await call).toBe(3000)
  })
})

describe('no store', () => {
  beforeEach(() => {
    opener.exists = false
  })

  it.each<[string, (ports: PortManager) => Promise<unknown>]>([
    ['listAll', (ports) => ports.listAll()],
    ['listByProject', (ports) => ports.listByProject('shop')],
    ['listPage', (ports) => ports.listPage({ limit: 1 })],
    ['listHosts', (ports) => ports.listHosts()],
    ['listRanges', (ports) => ports.listRanges()],
    ['history', (ports) => ports.history({ limit: 1 })],
    ['getProjectSummary', (ports) => ports.getProjectSummary('shop')],
    ['instancesOf', (ports) => ports.instancesOf('shop', 'web')],
    ['auditPorts', (ports) => ports.auditPorts()],
    ['release', (ports) => ports.release('shop', 'web')],
    ['releasePorts', (ports) => ports.releasePorts('shop', 'web')],
    ['updatePort', (ports) => ports.updatePort('shop', 'web', { serviceType: 'http' })],
  ])('is not created by %s', async (_method, call) => {
    await expect(call(manager)).rejects.toMatchObject({ code: 'NO_REGISTRY' })
    expect(opener.exists).toBe(false)
  })

  it.each<[string, (ports: PortManager) => Promise<unknown>]>([
    ['getOrAllocate', (ports) => ports.getOrAllocate('shop', 'web')],
    ['allocate', (ports) => ports.allocate('shop', 'web')],
    ['createRange', (ports) => ports.createRange({ projectName: 'shop', size: 10 })],
    ['addRange', (ports) => ports.addRange('shop', { startPort: 1, endPort: 2 })],
    ['ensureRange', (ports) => ports.ensureRange('shop')],
    ['removeRange', (ports) => ports.removeRange('shop', 1)],
    ['resizeRange', (ports) => ports.resizeRange('shop', { startPort: 1, endPort: 2 })],
    ['deleteRange', (ports) => ports.deleteRange('shop')],
    ['deleteRanges', (ports) => ports.deleteRanges(['shop'])],
  ])('is created by %s', async (_method, call) => {
    await call(manager)
    expect(opener.exists).toBe(true)
    expect(await manager.listAll()).toEqual([])
  })

  it('is created by a call that comes while another finds none', async () => {
    const open = gate()
    const listing = manager.listAll()
    const getting = Promise.all([
      manager.getOrAllocate('shop', 'web'),
      manager.getOrAllocate('shop', 'web'),
    ])
    await turn()
    open()
    await expect(listing).rejects.toMatchObject({ code: 'NO_REGISTRY' })
    expect(await getting).toEqual([3000, 3000])
    expect(opener.opens).toBe(2)
  })
})

describe('a check', () => {
  it('does not fail because a call beside it finds no store', async () => {
    opener.exists = false
    opener.isRunning = false
    const source = new RepositorySource(opener)
    const open = gate()
    const opening = source.get({ create: false })
    const looking = source.getRunning()
    open()
    await expect(opening).rejects.toMatchObject({ code: 'NO_REGISTRY' })
    expect(await looking).toBeUndefined()
  })
})

describe('the defaults of a store’s callers', () => {
  const defaults = { hostname: 'nas', actor: 'settings', rangeSize: 20 }
  const size = { projectName: 'shop' }

  it('hold where neither options nor the environment say otherwise', async () => {
    const withDefaults = new PortManager(Object.assign(opener, { defaults }))
    expect(withDefaults.scope().hostname).toBe('nas')
    await withDefaults.createRange(size, { actor: 'call' })
    expect(opener.store.calls).toEqual([
      ['createNextRange', { projectName: 'shop', size: 20 }, { actor: 'settings' }],
    ])
  })

  it('are weaker than both', async () => {
    vi.stubEnv('PORTS_HOSTNAME', 'variable')
    vi.stubEnv('PORTS_ACTOR', 'environment')
    onTestFinished(() => void vi.unstubAllEnvs())
    const source = Object.assign(opener, { defaults })
    const withDefaults = new PortManager(source)
    expect(withDefaults.scope().hostname).toBe('variable')
    expect(new PortManager(source, { hostname: 'option' }).scope().hostname).toBe('option')
    await withDefaults.createRange({ ...size, size: 5 })
    await new PortManager(source, { actor: 'option' }).createRange(size)
    expect(opener.store.calls).toEqual([
      ['createNextRange', { projectName: 'shop', size: 5 }, { actor: 'environment' }],
      ['createNextRange', { projectName: 'shop', size: 20 }, { actor: 'option' }],
    ])
  })

  it('need not be there: a range without numbers has 100', async () => {
    await manager.createRange(size)
    expect(opener.store.calls).toMatchObject([['createNextRange', { size: 100 }, {}]])
  })
})

describe('a running store', () => {
  it('is kept for the calls that follow', async () => {
    const source = new RepositorySource(opener)
    expect(await source.getRunning()).toBe(opener.store.repository)
    expect(await source.get({ create: true })).toBe(opener.store.repository)
    expect(await source.getRunning()).toBe(opener.store.repository)
    expect([opener.opens, opener.looks]).toEqual([0, 1])
  })

  it('is looked for again if there was none', async () => {
    const source = new RepositorySource(opener)
    opener.isRunning = false
    expect(await source.getRunning()).toBeUndefined()
    opener.isRunning = true
    expect(await source.getRunning()).toBe(opener.store.repository)
    expect([opener.opens, opener.looks]).toEqual([0, 2])
  })

  it('is closed if another call opened one meanwhile', async () => {
    const source = new RepositorySource(opener)
    const open = gate()
    const looking = source.getRunning()
    const opening = source.get({ create: true })
    open()
    expect(await looking).toBe(await opening)
    expect(opener.closes).toBe(1)
  })
})

describe('a store that is given', () => {
  it('is used, and closed with the manager', async () => {
    const store = new RecordingStore()
    const withStore = new PortManager(store.repository)
    await withStore.listRanges()
    await withStore.close()
    expect(store.methods).toEqual(['listRanges', 'close'])
  })
})
