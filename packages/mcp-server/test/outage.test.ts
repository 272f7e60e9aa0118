import { faultyProxy, freshDatabase, sql } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'
import { connect, NO_DATABASE } from './connect.js'
import { lockAllocations } from './lockAllocations.js'

const service = { projectName: 'consilio', serviceName: 'api' }

test('introduces itself and its tools where no database can be reached', async () => {
  const { client, failure } = await connect(NO_DATABASE)
  expect(client.getServerVersion()).toMatchObject({ name: 'ports' })
  expect((await client.listTools()).tools).toHaveLength(9)
  const text = await failure('get-port', service)
  expect(text).toMatch(/^DATABASE_UNAVAILABLE: /)
  expect(text).toContain('Call get-port again')
  expect(text).toContain('Do not pick a port yourself')
})

test('works as soon as a database that was down at the first call is there', async () => {
  const proxy = await faultyProxy(await freshDatabase())
  await proxy.down()
  const { ask, failure } = await connect(proxy.url)
  expect(await failure('get-port', service)).toMatch(/^DATABASE_UNAVAILABLE: /)
  expect(await failure('list-ports')).toMatch(/^DATABASE_UNAVAILABLE: /)
  await proxy.up()
  expect(await ask('get-port', service)).toMatchObject({ port: 3100 })
})

test('survives a database that goes away and comes back', async () => {
  const proxy = await faultyProxy(await freshDatabase())
  const { ask, failure } = await connect(proxy.url)
  const held = await ask('get-port', service)
  const listed = await ask('list-ports')
  await proxy.down()
  // The first may still be sent on a connection that is already cut.
  expect(await failure('list-ports')).toMatch(/^DATABASE_UNAVAILABLE: /)
  expect(await failure('get-port', service)).toMatch(/^DATABASE_UNAVAILABLE: /)
  await proxy.up()
  expect(await ask('list-ports')).toEqual(listed)
  const message = String(held.message).replace(', allocated just now', '')
  expect(await ask('get-port', service)).toEqual({ ...held, created: false, message })
})

test('says how to find out what became of a call during which the database went away', async () => {
  const url = await freshDatabase()
  const proxy = await faultyProxy(url)
  const { ask, failure } = await connect(proxy.url)
  const unlock = await lockAllocations(url)
  const calls = Promise.all([failure('get-port', service), failure('allocate-port', service)])
  await expect.poll(() => sql(url, WAITING_FOR_A_LOCK)).toHaveLength(2)
  await proxy.down()
  const [repeatable, another] = await calls
  expect(repeatable).toMatch(/^OUTCOME_UNKNOWN: /)
  expect(repeatable).toContain('Call get-port again')
  expect(another).toMatch(/^OUTCOME_UNKNOWN: /)
  expect(another).toContain('Call list-ports to see whether it happened')
  for (const text of [repeatable, another]) expect(text).toContain('Do not pick a port yourself')
  await unlock()
  await proxy.up()
  const { port } = await ask('get-port', service)
  expect(await ask('get-port', service)).toMatchObject({ port, created: false })
})

const WAITING_FOR_A_LOCK = `
  select pid from pg_stat_activity
  where datname = current_database() and wait_event_type = 'Lock'`
