import { once } from 'node:events'
import { call, ended, environmentOn, INITIALIZE, MCP_SERVER } from '@ports/testkit'
import { freshDatabase } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'
import { connect, NO_DATABASE, rawClient } from './connect.js'

const getPort = (id: number, serviceName: string) =>
  call(id, 'get-port', { projectName: 'consilio', serviceName })

test('ends when its client closes standard input', async () => {
  const client = rawClient({ PORTS_DATABASE_URL: await freshDatabase() })
  await client.ask(INITIALIZE)
  await client.ask(getPort(2, 'api'))
  client.child.stdin.end()
  expect(await once(client.child, 'exit')).toEqual([0, null])
})

test('still answers what was asked before its client closed standard input', async () => {
  const client = rawClient({ PORTS_DATABASE_URL: await freshDatabase() })
  client.send(INITIALIZE, getPort(2, 'api'), getPort(3, 'api'), getPort(4, 'web'))
  client.child.stdin.end()
  const [status] = await once(client.child, 'close')
  expect(status).toBe(0)
  const ports = client.answers.map(({ id, result }) => [id, result.structuredContent?.port])
  expect(new Map(ports as [string | number, number][])).toEqual(
    new Map<string | number, unknown>([
      ['initialize', undefined],
      [2, expect.any(Number)],
      [3, expect.any(Number)],
      [4, expect.any(Number)],
    ]),
  )
})

test.each(['SIGINT', 'SIGTERM'] as const)('ends at %s', async (signal) => {
  const client = rawClient({ PORTS_DATABASE_URL: await freshDatabase() })
  client.send(INITIALIZE, getPort(2, 'api'))
  await client.received(2)
  client.child.kill(signal)
  expect(await once(client.child, 'exit')).toEqual([0, null])
})

test('ends when its answers are no longer read', async () => {
  const client = rawClient({ PORTS_DATABASE_URL: NO_DATABASE })
  await client.ask(INITIALIZE)
  client.child.stdout.destroy()
  client.send(getPort(2, 'api'))
  expect(await once(client.child, 'exit')).toEqual([0, null])
})

test('writes nothing but the protocol to standard output', async () => {
  const client = rawClient({ PORTS_DATABASE_URL: NO_DATABASE })
  client.send(INITIALIZE, 'this is no JSON', getPort(2, 'api'))
  const ids = (await client.received(3)).map(({ id }) => id)
  expect(new Set(ids)).toEqual(new Set(['initialize', null, 2]))
  client.child.stdin.end()
  await once(client.child, 'close')
  expect(client.log).toContain('ports-mcp: ')
})

test('reports on its log that PORTS_HOSTNAME is wrong', async () => {
  const client = rawClient({ PORTS_DATABASE_URL: NO_DATABASE, PORTS_HOSTNAME: 'no host' })
  expect(await once(client.child, 'close')).toEqual([2, null])
  expect(client.log).toMatch(/^ports-mcp: PORTS_HOSTNAME is "no host", but must be .*\n$/)
})

test('allocates nothing for a call that is cancelled before it gets to the database', async () => {
  const { client, ask } = await connect(await freshDatabase())
  const cancelling = new AbortController()
  const { params } = getPort(2, 'api')
  const call = client.callTool(params, undefined, { signal: cancelling.signal })
  cancelling.abort('no longer needed')
  await expect(call).rejects.toThrow('no longer needed')
  expect(await ask('list-ports')).toMatchObject({ count: 0 })
})

test('gives one service one port, however many servers are asked at once', async () => {
  const url = await freshDatabase()
  const servers = await Promise.all([connect(url), connect(url), connect(url)])
  const service = { projectName: 'consilio', serviceName: 'api' }
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => servers[index % 3]!.ask('get-port', service)),
  )
  expect(new Set(answers.map(({ port }) => port))).toEqual(new Set([3100]))
  expect(await servers[0]!.ask('list-ports')).toMatchObject({ count: 1 })
})

test.each([
  [['--version'], /^\d+\.\d+\.\d+\n$/],
  [['--help'], /^Usage: ports-mcp\n/],
] as const)('answers %s, and ends', async (args, stdout) => {
  const told = await ended(process.execPath, [MCP_SERVER, ...args], environmentOn(NO_DATABASE))
  expect(told).toEqual({ stdout: expect.stringMatching(stdout), stderr: '', status: 0 })
})

test.each([['--port=3000'], ['serve']])('refuses the argument %s', async (argument) => {
  const told = await ended(process.execPath, [MCP_SERVER, argument], environmentOn(NO_DATABASE))
  expect(told).toMatchObject({ stdout: '', status: 2 })
  expect(told.stderr).toMatch(/^ports-mcp: .*(--port|serve).*\. See: ports-mcp --help\n$/)
})
