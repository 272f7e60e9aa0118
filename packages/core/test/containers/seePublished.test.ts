import { expect, test } from 'vitest'
import type { Container } from '../../src/containers/Container.js'
import { seePublished } from '../../src/containers/seePublished.js'
import type { Sighting } from '../../src/listeners/Sighting.js'
import { closedPort, listenTcp } from '../sockets.js'

const NOTHING: Sighting = { verdict: 'not-listening', listeners: [] }

function publishing(port: number, protocol: 'tcp' | 'udp' = 'tcp'): Container {
  const published = [{ address: '0.0.0.0', port, containerPort: 80, protocol }]
  return { id: 'c0ffeec0ffee', name: 'web', image: 'nginx', published }
}

function see(
  port: number,
  container: Container,
  sighting = NOTHING,
  protocol: 'tcp' | 'udp' = 'tcp',
) {
  const target = { hostname: 'localhost', protocol, port }
  return seePublished(sighting, target, async () => [container], { timeoutMs: 5000 })
}

test('a port without a socket is listened to if a container publishes it and accepts', async () => {
  const port = await listenTcp({ host: '127.0.0.1' })
  expect(await see(port, publishing(port))).toEqual({ verdict: 'listening', listeners: [] })
})

test('a port that a container publishes is not listened to if no connection is accepted', async () => {
  const port = await closedPort()
  expect(await see(port, publishing(port))).toBe(NOTHING)
})

test('a container says nothing of other ports, of UDP, and of what was seen otherwise', async () => {
  const port = await listenTcp({ host: '127.0.0.1' })
  expect(await see(port, publishing(port + 1))).toBe(NOTHING)
  expect(await see(port, publishing(port, 'udp'), NOTHING, 'udp')).toBe(NOTHING)
  const unknown: Sighting = { verdict: 'unknown', reason: 'tables-unreadable' }
  expect(await see(port, publishing(port), unknown)).toBe(unknown)
})
