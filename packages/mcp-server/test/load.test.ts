import { once } from 'node:events'
import { call, INITIALIZE, type StdioClient } from '@ports/testkit'
import { freshDatabase, skipBecause, sql } from '@ports/testkit/vitest'
import { expect, test, vi } from 'vitest'
import { rawClient } from './connect.js'
import { lockAllocations } from './lockAllocations.js'

// Thousands of answers take a long time on a busy machine.
vi.setConfig({ testTimeout: 240_000 })

const MANY = 10_000
/** The database client alone takes 170 MB; unbounded, the same calls take a gigabyte. */
const MOST_MEMORY = 400e6

function onLinux(skip: (note: string) => never): void {
  if (process.platform !== 'linux') skipBecause(skip, 'only Linux tells what memory a process had')
}

/** A registry of 500 services, so that a page of 200 is a long answer. */
async function fullRegistry(): Promise<string> {
  const url = await freshDatabase()
  await sql(
    url,
    `select ports.create_range('full', 20000, 20499);
    select ports.allocate_port('full', 'service-' || number, 'localhost', 'tcp')
    from generate_series(1, 500) as number`,
  )
  return url
}

async function started(url: string): Promise<StdioClient> {
  const client = rawClient({ PORTS_DATABASE_URL: url })
  await client.ask(INITIALIZE)
  return client
}

test('answers 10,000 lists at once in bounded memory', async ({ skip }) => {
  onLinux(skip)
  const client = await started(await fullRegistry())
  client.send(...Array.from({ length: MANY }, (_, id) => call(id, 'list-ports', { limit: 1 })))
  const answers = await client.received(MANY + 1)
  expect(client.peakMemory).toBeLessThan(MOST_MEMORY)
  expect(answers.filter(({ result }) => result.isError)).toEqual([])
  expect(new Set(answers.map(({ id }) => id)).size).toBe(MANY + 1)
  expect(client.log).toBe('')
})

test('gives 10,000 callers of one service one port, without a warning', async () => {
  const client = await started(await freshDatabase())
  const service = { projectName: 'consilio', serviceName: 'api' }
  client.send(...Array.from({ length: MANY }, (_, id) => call(id, 'get-port', service)))
  const answers = await client.received(MANY + 1)
  const ports = answers.slice(1).map(({ result }) => result.structuredContent?.port)
  expect(new Set(ports)).toEqual(new Set([3100]))
  expect(client.log).toBe('')
})

test('keeps little for a client that does not read, and answers it when it does', async ({
  skip,
}) => {
  onLinux(skip)
  const client = await started(await fullRegistry())
  client.child.stdout.pause()
  const asked = 2500
  const padding = { padding: 'x'.repeat(1000) }
  for (let id = 0; id < asked; id++) {
    const { params, ...request } = call(id, 'list-ports', { limit: 200 })
    client.send({ ...request, params: { ...params, _meta: padding } })
  }
  let ticks = 0
  const isIdle = () => {
    const before = ticks
    ticks = client.processorTicks
    return ticks === before
  }
  await expect.poll(isIdle, { timeout: 50_000, interval: 1000 }).toBe(true)
  // The server does not read either: some of the requests have not left the client.
  expect(client.child.stdin.writableLength).toBeGreaterThan(asked * 100)
  expect(client.peakMemory).toBeLessThan(MOST_MEMORY)
  client.child.stdout.resume()
  const answers = await client.received(asked + 1)
  expect(answers.filter(({ result }) => result.isError)).toEqual([])
  expect(client.peakMemory).toBeLessThan(MOST_MEMORY)
  expect(client.log).toBe('')
})

test('reads a cancellation while calls are in flight, and starts no call that was cancelled', async () => {
  const url = await freshDatabase()
  const client = await started(url)
  const unlock = await lockAllocations(url)
  const service = (name: string) => ({ projectName: 'consilio', serviceName: name })
  const calls = Array.from({ length: 100 }, (_, id) => call(id + 1, 'get-port', service(`s-${id}`)))
  const cancellations = calls.map(({ id }) => ({
    jsonrpc: '2.0',
    method: 'notifications/cancelled',
    params: { requestId: id },
  }))
  client.send(...calls, ...cancellations)
  const before = client.answers.length
  expect(await client.ask({ jsonrpc: '2.0', id: 'ping', method: 'ping' })).toHaveProperty('result')
  expect(client.answers).toHaveLength(before + 1)
  await unlock()
  const { result } = await client.ask(call('list', 'list-ports', { limit: 200 }))
  // Those that ran when they were cancelled may have been given a port; the others were never
  // started.
  expect(result.structuredContent.count).toBeLessThanOrEqual(32)
})

test('answers a ping while more calls than run at once wait for the database', async () => {
  const url = await freshDatabase()
  const client = await started(url)
  const unlock = await lockAllocations(url)
  const service = { projectName: 'consilio', serviceName: 'api' }
  client.send(...Array.from({ length: 200 }, (_, id) => call(id, 'get-port', service)))
  expect(await client.ask({ jsonrpc: '2.0', id: 'ping', method: 'ping' })).toHaveProperty(
    'id',
    'ping',
  )
  await unlock()
  const answers = await client.received(202)
  const ports = answers.slice(2).map(({ result }) => result.structuredContent?.port)
  expect(new Set(ports)).toEqual(new Set([3100]))
})

test('answers everything that was asked before standard input was closed', async () => {
  const client = await started(await freshDatabase())
  const service = { projectName: 'consilio', serviceName: 'api' }
  client.send(...Array.from({ length: 1000 }, (_, id) => call(id, 'get-port', service)))
  client.child.stdin.end()
  const [status] = await once(client.child, 'close')
  expect(status).toBe(0)
  expect(client.answers.filter(({ result }) => result?.structuredContent)).toHaveLength(1000)
})
