import { describe, expect, it } from 'vitest'
import { checkListener, checkLocal } from '../src/listeners/checkListener.js'
import { Listeners } from '../src/listeners/Listeners.js'
import { LocalHost } from '../src/localHost.js'
import { PortManager } from '../src/PortManager.js'
import { closedPort, listenTcp } from './sockets.js'
import { untouchedStore } from './untouchedStore.js'

/** A machine to which every host is another one, 127.0.0.1 too. */
const stranger = Object.assign(new LocalHost(), { is: () => false })

describe('checkListener', () => {
  it('connects to another host', async () => {
    const target = { hostname: '127.0.0.1', protocol: 'tcp' } as const
    const open = { ...target, port: await listenTcp({ host: '127.0.0.1' }) }
    const closed = { ...target, port: await closedPort() }
    expect(await checkListener(open, stranger, {})).toBe('listening')
    expect(await checkListener(closed, stranger, {})).toBe('not-listening')
  })

  it("cannot tell of another host's UDP", async () => {
    const port = await listenTcp({ host: '127.0.0.1' })
    const target = { hostname: '127.0.0.1', protocol: 'udp', port } as const
    expect(await checkListener(target, stranger, {})).toBe('unknown')
  })

  it('cannot tell which machine was localhost once this one has a name', async () => {
    const port = await listenTcp({ host: '127.0.0.1' })
    const target = { hostname: 'localhost', protocol: 'tcp', port } as const
    expect(await checkListener(target, new LocalHost('alpha'), {})).toBe('unknown')
  })

  it("rejects with the signal's reason", async () => {
    const reason = new Error('No longer wanted')
    const target = { hostname: 'localhost', protocol: 'tcp', port: 3000 } as const
    await expect(
      checkListener(target, new LocalHost(), { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason)
  })
})

describe('checkLocal', () => {
  it('cannot tell where the tables of this host are closed', () => {
    const target = { hostname: 'localhost', protocol: 'tcp', port: 3000 } as const
    expect(checkLocal(target, undefined)).toBe('unknown')
    expect(checkLocal(target, new Listeners([]))).toBe('not-listening')
  })
})

describe('verifyPort', () => {
  it('answers yes and no under every name of this host', async () => {
    const manager = new PortManager(untouchedStore, { hostname: 'alpha' })
    const open = await listenTcp({ host: '127.0.0.1' })
    const closed = await closedPort()
    for (const hostname of [undefined, 'localhost', '127.0.0.1', '::1', 'ALPHA']) {
      expect(await manager.verifyPort(open, hostname)).toBe(true)
      expect(await manager.verifyPort(closed, hostname)).toBe(false)
    }
    expect(await manager.verifyPort(open, 'localhost', 'udp')).toBe(false)
  })

  it('rejects where it cannot tell, instead of guessing', async () => {
    const manager = new PortManager(untouchedStore, { hostname: 'localhost' })
    await expect(manager.verifyPort(3000, 'no-such-host.invalid')).rejects.toMatchObject({
      code: 'UNVERIFIABLE',
      details: { port: 3000, hostname: 'no-such-host.invalid', protocol: 'tcp' },
    })
    expect(await manager.checkPort(3000, 'no-such-host.invalid')).toBe('unknown')
  })
})
