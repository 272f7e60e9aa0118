import { call, INITIALIZE } from '@ports/testkit'
import { freshDatabase } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'
import { connect, rawClient } from './connect.js'
import { openManager } from './openManager.js'

const service = { projectName: 'consilio', serviceName: 'api' }

/** The events of the project with their actors, oldest first, when they can be read. */
async function historyOf(url: string, events: number) {
  const manager = await openManager(url)
  const read = async () =>
    (await manager.history({ ...service, limit: 100 })).events
      .map(({ what, actor }) => ({ what, actor }))
      .toReversed()
  await expect.poll(read, { timeout: 30_000 }).toHaveLength(events)
  return read()
}

/** A client of that name that has requested the port of a service. */
async function askAs(url: string, clientInfo: object, environment: Record<string, string> = {}) {
  const client = rawClient({ PORTS_DATABASE_URL: url, ...environment })
  await client.ask({ ...INITIALIZE, params: { ...INITIALIZE.params, clientInfo } })
  return (await client.ask(call(1, 'get-port', service))).result
}

test('the actor of a change through MCP is the name and version of the client', async () => {
  const url = await freshDatabase()
  const { ask } = await connect(url)
  await ask('get-port', service)
  await ask('allocate-port', service)
  await ask('update-port', { ...service, portNumber: 3100, serviceType: 'http' })
  await ask('release-port', { ...service, portNumber: 3101 })
  expect(await historyOf(url, 4)).toEqual(
    ['allocated', 'allocated', 'updated', 'released'].map((what) => ({ what, actor: 'test 0' })),
  )
})

test('PORTS_ACTOR names the actor in place of the client', async () => {
  const url = await freshDatabase()
  await askAs(url, { name: 'agent', version: '1.0' }, { PORTS_ACTOR: 'nightly' })
  expect(await historyOf(url, 1)).toEqual([{ what: 'allocated', actor: 'nightly' }])
})

test.each([
  ['is long', 'x'.repeat(5000), /^x{199}…$/],
  ['is of characters that count twice', '🦀'.repeat(300), /^🦀+…$/u],
  ['has what no database stores', 'a\0b\ud800', /^\S+ 1\.0$/],
  ['has a line break', 'agent\nof', /^agent\S+of 1\.0$/],
  ['is blank', ' ', /^1\.0$/],
])('a client gets its port although its name %s', async (_case, name, actor) => {
  const url = await freshDatabase()
  const result = await askAs(url, { name, version: '1.0' })
  expect(result.structuredContent).toMatchObject({ port: 3100 })
  const [event] = await historyOf(url, 1)
  expect(event!.actor).toMatch(actor)
})

test('a client without a name gets its port as the user of the server', async () => {
  const url = await freshDatabase()
  const result = await askAs(url, { name: '', version: '' })
  expect(result.structuredContent).toMatchObject({ port: 3100 })
  expect((await historyOf(url, 1))[0]!.actor).toMatch(/^.+@.+$/)
})
