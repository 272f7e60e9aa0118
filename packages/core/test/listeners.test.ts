import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../src/listeners/Listeners.js'
import { readListeners } from '../src/listeners/readListeners.js'
import { bindUdp, closedPort, hasIPv6, listenTcp } from './sockets.js'

const observable = process.platform === 'linux' || process.platform === 'darwin'

async function listens(endpoint: Partial<Endpoint> & { port: number }): Promise<boolean> {
  const listeners = await readListeners()
  return listeners!.has({ hostname: 'localhost', protocol: 'tcp', ...endpoint })
}

describe.runIf(observable)('what listens on this host', () => {
  it('is found on all IPv4 addresses', async () => {
    const port = await listenTcp({ host: '0.0.0.0' })
    expect(await listens({ port })).toBe(true)
    expect(await listens({ port, hostname: '127.0.0.1' })).toBe(true)
    expect(await listens({ port, hostname: '::1' })).toBe(false)
  })

  it('is found on the loopback address alone', async () => {
    const port = await listenTcp({ host: '127.0.0.1' })
    expect(await listens({ port })).toBe(true)
    expect(await listens({ port, hostname: '127.0.0.1' })).toBe(true)
    expect(await listens({ port, hostname: '127.0.0.2' })).toBe(false)
    expect(await listens({ port, hostname: '::1' })).toBe(false)
  })

  // Only Linux has all of 127.0.0.0/8 on its loopback interface.
  it.runIf(process.platform === 'linux')('is found on another loopback address', async () => {
    const port = await listenTcp({ host: '127.0.0.2' })
    expect(await listens({ port })).toBe(true)
    expect(await listens({ port, hostname: '127.0.0.2' })).toBe(true)
    expect(await listens({ port, hostname: '127.0.0.1' })).toBe(false)
  })

  it.runIf(hasIPv6)('is found on both families where the socket takes both', async () => {
    const port = await listenTcp({ host: '::' })
    expect(await listens({ port })).toBe(true)
    expect(await listens({ port, hostname: '127.0.0.1' })).toBe(true)
    expect(await listens({ port, hostname: '::1' })).toBe(true)
  })

  it.runIf(hasIPv6)('is found on the IPv6 loopback address alone', async () => {
    const port = await listenTcp({ host: '::1', ipv6Only: true })
    expect(await listens({ port })).toBe(true)
    expect(await listens({ port, hostname: '::1' })).toBe(true)
    expect(await listens({ port, hostname: '127.0.0.1' })).toBe(false)
  })

  it.runIf(hasIPv6)('is found on all IPv6 addresses', async () => {
    const port = await listenTcp({ host: '::', ipv6Only: true })
    expect(await listens({ port })).toBe(true)
    expect(await listens({ port, hostname: '::1' })).toBe(true)
  })

  it('is found for UDP by the bound socket', async () => {
    const port = await bindUdp('udp4', '127.0.0.1')
    expect(await listens({ port, protocol: 'udp' })).toBe(true)
    expect(await listens({ port, protocol: 'udp', hostname: '127.0.0.1' })).toBe(true)
    expect(await listens({ port, protocol: 'udp', hostname: '127.0.0.2' })).toBe(false)
    expect(await listens({ port, protocol: 'tcp' })).toBe(false)
  })

  it.runIf(hasIPv6)('is found for UDP on both families', async () => {
    const port = await bindUdp('udp6', '::')
    expect(await listens({ port, protocol: 'udp', hostname: '::1' })).toBe(true)
    expect(await listens({ port, protocol: 'udp', hostname: '127.0.0.1' })).toBe(true)
  })

  it('is not found on a port that was closed, nor for the other protocol', async () => {
    expect(await listens({ port: await closedPort() })).toBe(false)
    expect(await listens({ port: await listenTcp({ host: '0.0.0.0' }), protocol: 'udp' })).toBe(
      false,
    )
  })

  it('is found among many', async () => {
    const ports = await Promise.all(
      Array.from({ length: 200 }, () => listenTcp({ host: '127.0.0.1' })),
    )
    const listeners = await readListeners()
    const found = ports.filter((port) =>
      listeners!.has({ hostname: 'localhost', protocol: 'tcp', port }),
    )
    expect(found).toEqual(ports)
  })
})
