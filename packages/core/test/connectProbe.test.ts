import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { describe, expect, it } from 'vitest'
import { connectProbe } from '../src/listeners/connectProbe.js'
import { closedPort, hasIPv6, listenTcp } from './sockets.js'

const timeoutMs = 5000

/** A name with these addresses. */
const resolvingTo =
  (...addresses: LookupAddress[]): LookupFunction =>
  (_hostname, _options, callback) =>
    callback(null, addresses)

const ipv4 = { address: '127.0.0.1', family: 4 }
const ipv6 = { address: '::1', family: 6 }

describe('connectProbe', () => {
  it('sees a listener', async () => {
    const port = await listenTcp({ host: '127.0.0.1' })
    expect(await connectProbe({ hostname: '127.0.0.1', port }, { timeoutMs })).toEqual({
      verdict: 'listening',
    })
  })

  it('sees that nothing listens on a closed port', async () => {
    const port = await closedPort()
    expect(await connectProbe({ hostname: '127.0.0.1', port }, { timeoutMs })).toEqual({
      verdict: 'not-listening',
    })
  })

  it('does not know for a name that does not resolve', async () => {
    const target = { hostname: 'no-such-host.invalid', port: 3000 }
    expect(await connectProbe(target, { timeoutMs })).toEqual({
      verdict: 'unknown',
      reason: 'name-not-resolved',
    })
  })

  it.runIf(hasIPv6)('sees a listener on IPv6', async () => {
    const port = await listenTcp({ host: '::1' })
    expect(await connectProbe({ hostname: '::1', port }, { timeoutMs })).toEqual({
      verdict: 'listening',
    })
  })

  it.runIf(hasIPv6)('sees a listener on either family of a name', async () => {
    const lookup = resolvingTo(ipv6, ipv4)
    for (const host of ['127.0.0.1', '::1']) {
      const port = await listenTcp({ host })
      const target = { hostname: 'alpha', port }
      expect(await connectProbe(target, { timeoutMs, lookup })).toEqual({ verdict: 'listening' })
    }
  })

  it.runIf(hasIPv6)('sees that nothing listens where all addresses refuse', async () => {
    const target = { hostname: 'alpha', port: await closedPort() }
    const lookup = resolvingTo(ipv6, ipv4)
    expect(await connectProbe(target, { timeoutMs, lookup })).toEqual({ verdict: 'not-listening' })
  })

  it('does not know if one address refuses and another fails otherwise', async () => {
    const target = { hostname: 'alpha', port: await closedPort() }
    // No address of IPv6, so connecting to it fails within this process.
    const lookup = resolvingTo(ipv4, { ...ipv4, family: 6 })
    expect(await connectProbe(target, { timeoutMs, lookup })).toEqual({
      verdict: 'unknown',
      reason: 'no-answer',
    })
  })

  it('does not know if no answer comes in time', async () => {
    const target = { hostname: 'alpha', port: 3000 }
    expect(await connectProbe(target, { timeoutMs: 1, lookup: () => {} })).toEqual({
      verdict: 'unknown',
      reason: 'no-answer',
    })
  })

  it("rejects with the signal's reason when it is aborted before", async () => {
    const reason = new Error('No longer wanted')
    const signal = AbortSignal.abort(reason)
    const lookup = () => expect.unreachable('a probe was sent')
    await expect(
      connectProbe({ hostname: 'alpha', port: 3000 }, { timeoutMs, signal, lookup }),
    ).rejects.toBe(reason)
  })

  it("rejects with the signal's reason when it is aborted meanwhile", async () => {
    const reason = new Error('No longer wanted')
    const controller = new AbortController()
    const lookup = () => controller.abort(reason)
    await expect(
      connectProbe(
        { hostname: 'alpha', port: 3000 },
        { timeoutMs, signal: controller.signal, lookup },
      ),
    ).rejects.toBe(reason)
  })
})
