import { setImmediate as turn } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
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
    const busy = new PortsError('BUSY', 'Others hold what this call needs.')
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

describe('a running store', () => {
  it('is kept for the calls that follow', async () => {
    const source = new RepositorySource(opener)
    expect(await source.getRunning()).toBe(opener.store.repository)
    expect(await source.get()).toBe(opener.store.repository)
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
    const opening = source.get()
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
