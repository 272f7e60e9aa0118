import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cleanEnvironment, databaseUrlOn, ended, tempDirectory } from '@ports/testkit'
import { projectDirectory, sql } from '@ports/testkit/vitest'
import { expect, onTestFinished, test } from 'vitest'
import {
  FORMER_DIRECTORY,
  FORMER_MIGRATIONS,
  fillFormer,
  migrateBy,
} from '../../packages/db/test/beforeBaseline.js'

const PROGRAM = process.env.PORTS_PROGRAM!
const MIGRATIONS = new URL('../../prisma/migrations/', import.meta.url)
const NAMES = readdirSync(MIGRATIONS)
  .filter((name) => /^\d/.test(name))
  .sort()

/** A user with an embedded registry, which is removed when the test ends. */
function user() {
  const home = tempDirectory('ports-upgrade-')
  const environment = cleanEnvironment({ HOME: home })
  const ports = (...args: string[]) => ended(PROGRAM, args, environment)
  onTestFinished(async () => {
    await ports('uninstall', '--yes')
    rmSync(home, { recursive: true, force: true })
  })
  return ports
}

/** A stopped registry with the schema of an earlier version. */
async function earlierRegistry(
  ports: ReturnType<typeof user>,
  make: (url: string) => Promise<void>,
): Promise<void> {
  const { stdout } = await ports('db', 'start', '--json')
  const url = databaseUrlOn(JSON.parse(stdout).socketDirectory, 'postgres')
  await sql(url, 'drop schema ports cascade')
  await make(url)
  expect(await ports('db', 'stop')).toMatchObject({ status: 0 })
}

async function fill(url: string): Promise<void> {
  await sql(url, `select ports.create_range('shop', 3000, 3299)`)
  for (const service of ['web', 'api']) {
    await sql(url, `select ports.allocate_port('shop', $1)`, [service])
  }
}

test('a registry from before the baseline is migrated by the first call, and keeps its ports', async () => {
  const ports = user()
  await earlierRegistry(ports, async (url) => {
    await migrateBy(url, FORMER_DIRECTORY, FORMER_MIGRATIONS.slice(0, 6))
    await fillFormer(url)
  })
  expect(await ports('get', 'shop', 'web', '--hostname', 'alpha')).toMatchObject({
    stdout: '3000\n',
    status: 0,
  })
  const held = JSON.parse((await ports('list', 'shop', '--json')).stdout)
  expect(held).toHaveLength(12)
  const { schema } = JSON.parse((await ports('db', 'status', '--json')).stdout)
  expect(schema).toMatchObject({ applied: NAMES, pending: [], beforeBaseline: false })
})

test.each([
  ['the baseline', 1],
  ['all migrations but the last', NAMES.length - 1],
])(
  'a registry with %s is migrated by the first call, and keeps its ports',
  async (_what, count) => {
    const ports = user()
    await earlierRegistry(ports, async (url) => {
      await migrateBy(url, MIGRATIONS, NAMES.slice(0, count))
      await fill(url)
    })
    expect(await ports('get', 'shop', 'api')).toEqual({ stdout: '3001\n', stderr: '', status: 0 })
    expect(await ports('get', 'shop', 'web')).toEqual({ stdout: '3000\n', stderr: '', status: 0 })
    const { schema } = JSON.parse((await ports('db', 'status', '--json')).stdout)
    expect(schema).toMatchObject({ applied: NAMES, pending: [] })
    expect(await ports('audit')).toMatchObject({ stderr: '' })
  },
)

test('a registry of a later version is refused, and a dump of it can be loaded', async () => {
  const [later, earlier] = [user(), user()]
  expect(await later('get', 'odin', 'api')).toMatchObject({ stdout: '3300\n' })
  const { stdout: dump } = await later('dump')
  const { socketDirectory } = JSON.parse((await later('db', 'status', '--json')).stdout)
  await sql(
    databaseUrlOn(socketDirectory, 'postgres'),
    `insert into ports._prisma_migrations (id, checksum, migration_name, finished_at)
     values (gen_random_uuid()::text, repeat('0', 64), '20990101000000_later', now())`,
  )
  const refused = await later('get', 'odin', 'api')
  expect(refused).toMatchObject({ stdout: '', status: 5 })
  expect(refused.stderr).toContain('20990101000000_later')

  const file = join(projectDirectory({ 'registry.json': dump }), 'registry.json')
  expect(await earlier('load', file)).toMatchObject({ status: 0 })
  expect(await earlier('get', '--existing', 'odin', 'api')).toMatchObject({ stdout: '3300\n' })
})
