import { describe, expect, it } from 'vitest'
import { checkLocal, checkRemote } from '../src/listeners/checkListener.js'
import { Listeners } from '../src/listeners/Listeners.js'
import { readListeners } from '../src/listeners/readListeners.js'
import { PortManager } from '../src/PortManager.js'
import { bindUdp, closedPort, hasIPv6, listenTcp } from './sockets.js'
import { untouchedStore } from './untouchedStore.js'

const probe = { timeoutMs: 5000 }

describe('checkRemote', () => {
  it('connects to another host', async () => {
    const target = { hostname: '127.0.0.1', protocol: 'tcp' } as const
    const open = { ...target, port: await listenTcp({ host: '127.0.0.1' }) }
    const closed = { ...target, port: await closedPort() }
    expect(await checkRemote(open, probe)).toEqual({ verdict: 'listening' })
    expect(await checkRemote(closed, probe)).toEqual({ verdict: 'not-listening' })
  })

  it("does not know about another host's UDP", async () => {
    const port = await listenTcp({ host: '127.0.0.1' })
    const target = { hostname: '127.0.0.1', protocol: 'udp', port } as const
    expect(await checkRemote(target, probe)).toEqual({
      verdict: 'unknown',
      reason: 'udp-of-another-host',
    })
  })

  it.each(['localhost', 'app.localhost', 'ip6-localhost'])(
    'cannot tell which machine was called %s',
    async (hostname) => {
      const port = await listenTcp({ host: '127.0.0.1' })
      expect(await checkRemote({ hostname, protocol: 'tcp', port }, probe)).toEqual({
        verdict: 'unknown',
        reason: 'localhost-of-another-host',
      })
    },
  )
})

describe('checkLocal', () => {
  it('does not know if the tables of this host are hidden', async () => {
    const target = { hostname: 'localhost', protocol: 'tcp', port: 3000 } as const
    expect(await checkLocal(target, undefined, probe)).toEqual({
      verdict: 'unknown',
      reason: 'tables-unreadable',
    })
    const none = new Listeners({ listeners: [], connections: [] })
    expect(await checkLocal(target, none, probe)).toEqual({
      verdict: 'not-listening',
      listeners: [],
    })
  })

  it.runIf(hasIPv6)('connects to learn whether a TCP socket on :: takes IPv4', async () => {
    for (const [ipv6Only, verdict] of [
      [false, 'listening'],
      [true, 'not-listening'],
    ] as const) {
      const port = await listenTcp({ host: '::', ipv6Only })
      for (const hostname of ['127.0.0.1', '127.0.0.2']) {
        const target = { hostname, protocol: 'tcp', port } as const
        const listeners = await readListeners()
        expect(await checkLocal(target, listeners, probe)).toMatchObject({ verdict })
      }
      const target = { hostname: '::1', protocol: 'tcp', port } as const
      expect(await checkLocal(target, await readListeners(), probe)).toMatchObject({
        verdict: 'listening',
      })
    }
  })

  it.runIf(hasIPv6 && process.platform === 'linux')(
    'cannot tell whether a UDP socket on :: takes IPv4',
    async () => {
      const port = await bindUdp('udp6', '::')
      const target = { hostname: '127.0.0.1', protocol: 'udp', port } as const
      expect(await checkLocal(target, await readListeners(), probe)).toMatchObject({
        verdict: 'unknown',
        reason: 'ipv4-of-ipv6-socket',
        listeners: [{ address: '::' }],
      })
    },
  )
})

describe('verifyPort', () => {
  const manager = new PortManager(untouchedStore, { hostname: 'alpha' })

  it('answers yes and no under every name of this host', async () => {
    const open = await listenTcp({ host: '127.0.0.1' })
    const closed = await closedPort()
    for (const hostname of [undefined, 'localhost', 'app.localhost', '127.0.0.1', 'ALPHA']) {
      expect(await manager.verifyPort(open, hostname)).toBe(true)
      expect(await manager.verifyPort(closed, hostname)).toBe(false)
    }
    expect(await manager.verifyPort(open, 'localhost', 'udp')).toBe(false)
  })

  it('answers for the address that is asked for, though its host has others', async () => {
    const port = await listenTcp({ host: '127.0.0.1' })
    for (const hostname of ['::1', '[::1]', '127.0.0.2', '127.0.1.1']) {
      expect(await manager.verifyPort(port, hostname)).toBe(false)
    }
    expect(await manager.verifyPort(port, '::ffff:127.0.0.1')).toBe(true)
  })

  it('rejects if it does not know, instead of guessing', async () => {
    await expect(manager.verifyPort(3000, 'no-such-host.invalid')).rejects.toMatchObject({
      code: 'UNVERIFIABLE',
      details: {
        port: 3000,
        hostname: 'no-such-host.invalid',
        protocol: 'tcp',
        reason: 'name-not-resolved',
      },
    })
    expect(await manager.checkPort(3000, 'no-such-host.invalid')).toBe('unknown')
  })

  it("rejects with the signal's reason", async () => {
    const reason = new Error('No longer wanted')
    const signal = AbortSignal.abort(reason)
    await expect(manager.verifyPort(3000, 'localhost', 'tcp', { signal })).rejects.toBe(reason)
  })
})

describe('inspectPort', () => {
  const manager = new PortManager(untouchedStore, { hostname: 'alpha' })

  it('names the host as it is stored, and the address that was asked for', async () => {
    const port = await listenTcp({ host: '127.0.0.1' })
    expect(await manager.inspectPort(port)).toMatchObject({
      hostname: 'alpha',
      protocol: 'tcp',
      port,
      verdict: 'listening',
      listeners: [{ address: '127.0.0.1' }],
    })
    expect(await manager.inspectPort(port)).not.toHaveProperty('address')
    expect(await manager.inspectPort(port, '[::1]')).toMatchObject({
      hostname: 'alpha',
      address: '::1',
      verdict: 'not-listening',
    })
  })
})
