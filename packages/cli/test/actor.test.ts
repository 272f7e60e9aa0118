import { hostname, userInfo } from 'node:os'
import { portsOn } from '@ports/testkit'
import { emptyDatabase, freshDatabase, sql } from '@ports/testkit/vitest'
import { expect, test } from 'vitest'

const WRITES: readonly [what: string, command: string[]][] = [
  ['range-created', ['range', 'create', 'shop', '--start', '4000', '--end', '4009']],
  ['range-created', ['range', 'create', 'blog', '--size', '10']],
  ['range-resized', ['range', 'resize', 'shop', '--start', '4000', '--end', '4001']],
  ['allocated', ['get', 'shop', 'web']],
  ['allocated', ['allocate', 'shop', 'web']],
  ['updated', ['update', 'shop', 'web', '--port', '4000', '--type', 'http']],
  ['released', ['release', 'shop', 'web', '--port', '4001']],
  ['range-deleted', ['range', 'delete', 'blog']],
]

/** The events of the commands, oldest first. */
async function historyOf(more: Record<string, string>) {
  const url = await freshDatabase()
  const ports = portsOn(url, more)
  for (const [, command] of WRITES) {
    const { stderr, status } = await ports(...command)
    expect(status, stderr).toBe(0)
  }
  return sql(
    url,
    "select what, actor from ports.events where project_name in ('shop', 'blog') order by xid, id",
  )
}

test('the actor of each command is user@host', async () => {
  const actor = `${userInfo().username}@${hostname()}`
  expect(await historyOf({})).toEqual(WRITES.map(([what]) => ({ what, actor })))
})

test('PORTS_ACTOR names the actor of each command', async () => {
  const actor = 'deploy of shop #12'
  expect(await historyOf({ PORTS_ACTOR: actor })).toEqual(WRITES.map(([what]) => ({ what, actor })))
})

test('a PORTS_ACTOR that cannot be kept is refused, and nothing is changed', async () => {
  const url = await freshDatabase()
  const ports = portsOn(url, { PORTS_ACTOR: 'x'.repeat(201) })
  const { stdout, stderr, status } = await ports('get', 'consilio', 'api')
  expect({ stdout, status }).toEqual({ stdout: '', status: 2 })
  expect(stderr).toContain('PORTS_ACTOR is ')
  expect(await sql(url, 'select from ports.allocations')).toEqual([])
})

test.each([
  [`${userInfo().username}@${hostname()}`, {}],
  ['deploy of shop #12', { PORTS_ACTOR: 'deploy of shop #12' }],
])('the actor of db seed is %s', async (actor, more) => {
  const url = await emptyDatabase()
  const { stderr, status } = await portsOn(url, more)('db', 'seed')
  expect(status, stderr).toBe(0)
  expect(await sql(url, 'select distinct what, actor from ports.events')).toEqual([
    { what: 'range-created', actor },
  ])
})

test('a PORTS_ACTOR that cannot be kept is refused by db seed, and nothing is changed', async () => {
  const url = await emptyDatabase()
  const ports = portsOn(url, { PORTS_ACTOR: 'x'.repeat(201) })
  const { stdout, stderr, status } = await ports('db', 'seed')
  expect({ stdout, status }).toEqual({ stdout: '', status: 2 })
  expect(stderr).toContain('PORTS_ACTOR is ')
  expect(await sql(url, 'select from ports.ranges')).toEqual([])
})
