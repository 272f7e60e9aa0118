import { type ChildProcess, spawn } from 'node:child_process'
import { on, once } from 'node:events'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { freshDatabase } from '../../../test/database.js'
import { connect, MAIN, NO_DATABASE } from './connect.js'

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '0' },
  },
}

function getPort(id: number, serviceName: string) {
  const params = { name: 'get-port', arguments: { projectName: 'consilio', serviceName } }
  return { jsonrpc: '2.0', id, method: 'tools/call', params }
}

function start(environment: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN], {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

function send(child: ChildProcess, ...messages: object[]): void {
  child.stdin!.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(''))
}

test('ends when its client closes standard input', async () => {
  const child = start({ PORTS_DATABASE_URL: await freshDatabase() })
  const answers = createInterface({ input: child.stdout })
  send(child, INITIALIZE)
  await once(answers, 'line')
  send(child, getPort(2, 'api'))
  await once(answers, 'line')
  child.stdin.end()
  expect(await once(child, 'exit')).toEqual([0, null])
})

test('still answers what was asked before its client closed standard input', async () => {
  const child = start({ PORTS_DATABASE_URL: await freshDatabase() })
  const answers: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => answers.push(line))
  send(child, INITIALIZE, getPort(2, 'api'), getPort(3, 'api'), getPort(4, 'web'))
  child.stdin.end()
  const [status] = await once(child, 'close')
  expect(status).toBe(0)
  const ports = answers
    .map((line) => JSON.parse(line))
    .map(({ id, result }) => [id, result.structuredContent?.port])
  expect(new Map(ports as [number, number][])).toEqual(
    new Map([
      [1, undefined],
      [2, expect.any(Number)],
      [3, expect.any(Number)],
      [4, expect.any(Number)],
    ]),
  )
})

test.each(['SIGINT', 'SIGTERM'] as const)('ends at %s', async (signal) => {
  const child = start({ PORTS_DATABASE_URL: await freshDatabase() })
  const answers = createInterface({ input: child.stdout })
  send(child, INITIALIZE, getPort(2, 'api'))
  await once(answers, 'line')
  await once(answers, 'line')
  child.kill(signal)
  expect(await once(child, 'exit')).toEqual([0, null])
})

test('ends when nobody reads its answers any more', async () => {
  const child = start({ PORTS_DATABASE_URL: NO_DATABASE })
  const answers = createInterface({ input: child.stdout })
  send(child, INITIALIZE)
  await once(answers, 'line')
  child.stdout.destroy()
  send(child, getPort(2, 'api'))
  expect(await once(child, 'exit')).toEqual([0, null])
})

test('writes nothing but the protocol to standard output', async () => {
  const child = start({ PORTS_DATABASE_URL: NO_DATABASE })
  const answers = createInterface({ input: child.stdout })
  let log = ''
  child.stderr.on('data', (chunk) => {
    log += chunk
  })
  const told = on(answers, 'line')
  send(child, INITIALIZE)
  child.stdin.write('this is no JSON\n')
  send(child, getPort(2, 'api'))
  const ids: unknown[] = []
  while (ids.length < 3) ids.push(JSON.parse((await told.next()).value[0]).id)
  expect(new Set(ids)).toEqual(new Set([1, null, 2]))
  child.stdin.end()
  await once(child, 'close')
  expect(log).toContain('ports-mcp: ')
})

test('tells who starts it that PORTS_HOSTNAME is wrong', async () => {
  const child = start({ PORTS_DATABASE_URL: NO_DATABASE, PORTS_HOSTNAME: 'no host' })
  let log = ''
  child.stderr.on('data', (chunk) => {
    log += chunk
  })
  expect(await once(child, 'close')).toEqual([2, null])
  expect(log).toMatch(/^ports-mcp: PORTS_HOSTNAME is "no host", but must be .*\n$/)
})

test('allocates nothing for a call that is cancelled before it gets to the database', async () => {
  const { client, ask } = await connect(await freshDatabase())
  const cancelling = new AbortController()
  const params = getPort(2, 'api').params
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
