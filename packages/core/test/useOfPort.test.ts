import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { needs, onLinux, type Skip } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'
import { PortManager } from '../src/PortManager.js'
import { PortUseReader } from '../src/processes/PortUseReader.js'
import { bindUdp, closedPort, listenTcp } from './sockets.js'
import { untouchedStore } from './untouchedStore.js'

const PROGRAM = fileURLToPath(new URL('fixtures/useOfPort.mjs', import.meta.url))

const manager = new PortManager(untouchedStore, { hostname: 'localhost' })

const here = expect.objectContaining({ pid: process.pid, directory: process.cwd() })

/** What a process in new namespaces sees. */
function useIn(skip: Skip, namespaces: readonly string[], port: number) {
  needs(skip, 'unshare', ...namespaces, 'true')
  const args = [...namespaces, process.execPath, PROGRAM, `${port}`]
  const { stdout, stderr, status } = spawnSync('unshare', args, { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout)
}

test('a port is in use by the process that listens on it, with its command and directory', async ({
  skip,
}) => {
  onLinux(skip)
  const use = await manager.useOfPort(await listenTcp({ host: '127.0.0.1' }))
  expect(use).toMatchObject({
    isInUse: true,
    listeners: [{ address: '127.0.0.1' }],
    processes: [here],
    hasUnknownProcess: false,
  })
  expect(use!.processes[0]!.command).toContain('node')
})

test('a port is in use for one protocol only', async ({ skip }) => {
  onLinux(skip)
  const port = await bindUdp('udp4', '127.0.0.1')
  expect(await manager.useOfPort(port, { protocol: 'udp' })).toMatchObject({ processes: [here] })
})

test('a port on which nothing listens is not in use', async ({ skip }) => {
  onLinux(skip)
  expect(await manager.useOfPort(await closedPort())).toEqual({
    isInUse: false,
    listeners: [],
    processes: [],
    hasUnknownProcess: false,
  })
})

test('a port of another host cannot be seen', async () => {
  const port = await listenTcp({ host: '127.0.0.1' })
  expect(await manager.useOfPort(port, { hostname: 'build-1' })).toBeUndefined()
})

test('a port is in use even if its process cannot be seen', async ({ skip }) => {
  const port = await listenTcp({ host: '127.0.0.1' })
  const use = useIn(skip, ['--pid', '--fork', '--mount-proc'], port)
  expect(use).toMatchObject({ isInUse: true, processes: [], hasUnknownProcess: true })
})

test('a port cannot be seen from another network namespace', async ({ skip }) => {
  const port = await listenTcp({ host: '127.0.0.1' })
  expect(useIn(skip, ['--net'], port)).toBe('unseen')
})

test('a look at a port is shared by all calls that come while it is in progress, and then forgotten', async ({
  skip,
}) => {
  onLinux(skip)
  const reader = new PortUseReader(async () => true)
  const port = await closedPort()
  const [first, second, other] = await Promise.all([
    reader.read(port, 'tcp'),
    reader.read(port, 'tcp', new AbortController().signal),
    reader.read(port, 'udp'),
  ])
  expect(second).toBe(first)
  expect(other).not.toBe(first)
  expect(await reader.read(port, 'tcp')).not.toBe(first)
})
