import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../src/listeners/Listeners.js'
import { readListeners } from '../src/listeners/readListeners.js'
import type { Verdict } from '../src/listeners/Sighting.js'
import { bindUdp, closedPort, connectTcp, connectUdp, hasIPv6, listenTcp } from './sockets.js'

const observable = process.platform === 'linux' || process.platform === 'darwin'

/** Linux does not show whether such a socket takes IPv4. */
const onIPv4OfIPv6Socket = process.platform === 'linux' ? 'unknown' : 'listening'

async function verdictOn(endpoint: Partial<Endpoint> & { port: number }): Promise<Verdict> {
  const listeners = await readListeners()
  return listeners!.at({ hostname: 'localhost', protocol: 'tcp', ...endpoint }).verdict
}

async function listens(endpoint: Partial<Endpoint> & { port: number }): Promise<boolean> {
  return (await verdictOn(endpoint)) === 'listening'
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
    expect(await verdictOn({ port, hostname: '127.0.0.1' })).toBe(onIPv4OfIPv6Socket)
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
    expect(await verdictOn({ port, protocol: 'udp', hostname: '127.0.0.1' })).toBe(
      onIPv4OfIPv6Socket,
    )
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
    const found = ports.filter(
      (port) =>
        listeners!.at({ hostname: 'localhost', protocol: 'tcp', port }).verdict === 'listening',
    )
    expect(found).toEqual(ports)
    expect(listeners!.ports('tcp')).toEqual(expect.arrayContaining(ports))
  })

  it('is found for UDP by a socket that has connected to a peer', async () => {
    const peer = await bindUdp('udp4', '127.0.0.1')
    const port = await connectUdp('127.0.0.1', peer)
    expect(await listens({ port, protocol: 'udp' })).toBe(true)
    expect(await listens({ port, protocol: 'udp', hostname: '127.0.0.1' })).toBe(true)
    expect(await listens({ port, protocol: 'udp', hostname: '127.0.0.2' })).toBe(false)
  })

  it('is told from a connection that has the number', async () => {
    const connection = await connectTcp('127.0.0.1', await listenTcp({ host: '127.0.0.1' }))
    const held = { verdict: 'not-listening', listeners: [], heldBy: 'connection' }
    const at = async (hostname: string) =>
      (await readListeners())!.at({ hostname, protocol: 'tcp', port: connection.port })
    expect(await at('localhost')).toEqual(held)
    expect(await at('127.0.0.1')).toEqual(held)
    expect(await at('::1')).toEqual({ verdict: 'not-listening', listeners: [] })
    // The end that closes first waits for stray segments (TIME-WAIT; RFC 9293, section 3.6.1).
    await connection.close()
    expect(await at('127.0.0.1')).toEqual(held)
  })

  it.runIf(hasIPv6)('is named with every address, and its user where that is shown', async () => {
    const port = await listenTcp({ host: '127.0.0.1' })
    await listenTcp({ host: '::1', port })
    const { listeners } = (await readListeners())!.at({
      hostname: 'localhost',
      protocol: 'tcp',
      port,
    }) as { listeners: readonly { address: string }[] }
    const uid = process.platform === 'linux' ? { uid: process.getuid!() } : {}
    expect(listeners).toHaveLength(2)
    expect(listeners).toEqual(
      expect.arrayContaining([
        { address: '127.0.0.1', ...uid },
        { address: '::1', ...uid },
      ]),
    )
  })
})
