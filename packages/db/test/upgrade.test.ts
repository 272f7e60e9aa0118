import { PortManager } from '@ports/core'
import { emptyDatabase, sql } from '@ports/testkit/vitest'
import { describe, expect, it, onTestFinished } from 'vitest'
import { databaseStatus, migrate, openRepository } from '../src/index.js'
import { migrationNames } from '../src/migrations.js'
import {
  FORMER_MIGRATIONS,
  FORMER_RANGES,
  fillFormer,
  formerDatabase,
  holdings,
} from './beforeBaseline.js'
import { prismaEngine } from './prismaEngine.js'
import { schemaDump } from './schemaDump.js'
import { expectSound, numbers } from './sessions.js'

async function open(url: string): Promise<PortManager> {
  const ports = new PortManager(await openRepository({ url }), { hostname: 'localhost' })
  onTestFinished(() => ports.close())
  return ports
}

async function checks(url: string) {
  return sql(
    url,
    'select id, allocation_id, verdict, checked_at from ports.port_health_checks order by id',
  )
}

async function ranges(url: string) {
  return sql(
    url,
    `select project_name, start_port, end_port, description, created_at
     from ports.port_ranges
     order by project_name`,
  )
}

describe.each([
  ['the six of the last release', 6],
  ['these and the two that followed', 8],
])('a registry made by %s', (_what, count) => {
  async function formerRegistry(): Promise<string> {
    const url = await formerDatabase(count)
    await fillFormer(url)
    return url
  }

  it('is told to be migrated, and is not used before', async () => {
    const url = await formerRegistry()
    await expect(openRepository({ url })).rejects.toMatchObject({
      code: 'DATABASE_NOT_MIGRATED',
      message: expect.stringContaining('Migrate it.'),
    })
    expect((await databaseStatus({ url })).schema).toEqual({
      applied: [],
      pending: migrationNames(),
      different: [],
      unknown: [],
      beforeBaseline: true,
    })
  })

  it('keeps every holding, in its order, with its id, key, metadata, status and times', async () => {
    const url = await formerRegistry()
    const before = [await holdings(url), await checks(url), await ranges(url)]
    expect(before[0]).toHaveLength(12)
    expect(await migrate({ url })).toEqual(migrationNames())
    expect([await holdings(url), await checks(url), await ranges(url)]).toEqual(before)
    expect(await sql(url, 'select name from ports.projects order by name')).toEqual(
      FORMER_RANGES.map(({ project_name }) => ({ name: project_name })),
    )
    expect(await sql(url, `select distinct instance from ports.allocations`)).toEqual([
      { instance: '' },
    ])
    // What happened before has no event.
    expect(await sql(url, 'select from ports.events')).toEqual([])
  })

  it('answers as before: the oldest port of a service, and that of a key', async () => {
    const url = await formerRegistry()
    const [late] = await sql<{ port: number }>(
      url,
      `select ports.get_or_allocate_port('shop', 'late') as port`,
    )
    await migrate({ url })
    const ports = await open(url)
    expect(late!.port).not.toBe(3000)
    expect(await ports.getOrAllocate('shop', 'late')).toBe(late!.port)
    expect(await ports.getOrAllocate('shop', 'web', { hostname: 'alpha' })).toBe(3000)
    for (const service of ['web', 'api']) {
      const [held] = await sql<{ port_number: number }>(
        url,
        `select port_number
         from ports.port_allocations
         where service_name = $1 and idempotency_key = 'first'`,
        [service],
      )
      expect(await ports.allocate('shop', service, { idempotencyKey: 'first' })).toBe(
        held!.port_number,
      )
    }
    expect(await ports.release('shop', 'stored', undefined, { portNumber: 3250 })).toBe(true)
    expect(await sql(url, `select what from ports.events`)).toEqual([{ what: 'released' }])
  })

  it('gives the numbers that are free, lowest first, under ids that are higher than all', async () => {
    const url = await formerRegistry()
    const [highest] = await sql<{ id: string }>(
      url,
      'select max(id)::text as id from ports.port_allocations',
    )
    const held = (await holdings(url)).filter(
      (it) => it.project_name === 'shop' && it.hostname === 'localhost' && it.protocol === 'tcp',
    )
    await migrate({ url })
    const free = numbers(3000, 3299).filter((it) => !held.some((row) => row.port_number === it))
    // Among them one that was released, below others that are held.
    expect(held.filter((row) => row.port_number > free[0]!)).not.toEqual([])
    const [summary] = await sql<{ next: number; available: number }>(
      url,
      `select ports.find_available_port('shop') as next,
         ports.count_available('shop', 'localhost', 'tcp') as available`,
    )
    expect(summary).toEqual({ next: free[0], available: free.length })
    const rows = await sql<{ port: number }>(
      url,
      `select ports.allocate_port('shop', 'new') as port from generate_series(1, $1)`,
      [free.length],
    )
    expect(rows.map(({ port }) => port)).toEqual(free)
    const [lowest] = await sql<{ is_higher: boolean }>(
      url,
      `select min(id) > $1 as is_higher from ports.allocations where service_name = 'new'`,
      [highest!.id],
    )
    expect(lowest).toEqual({ is_higher: true })
    await sql(url, `select ports.record_health_checks(array[${held[0]!.id}], array['listening'])`)
    expect((await checks(url)).length).toBeGreaterThan(0)
  })

  it('is then the same as a new one, for this program and for Prisma', async () => {
    const url = await formerRegistry()
    await migrate({ url })
    expect(await schemaDump(url)).toBe(await schemaDump(await emptyDatabase()))
    expect(await sql(url, `select nspname from pg_namespace where nspname ~ '^ports'`)).toEqual([
      { nspname: 'ports' },
    ])
    expect(await sql(url, 'select migration_name from ports._prisma_migrations')).toEqual(
      migrationNames().map((name) => ({ migration_name: name })),
    )
    expect(await (await prismaEngine(url)).status()).toMatchObject({
      editedMigrationNames: [],
      failedMigrationNames: [],
      history: null,
    })
    expect(await migrate({ url })).toEqual([])
    expect((await databaseStatus({ url })).schema).toMatchObject({
      pending: [],
      beforeBaseline: false,
    })
  })

  it('is left as it was if objects of others stand in the way', async () => {
    const url = await formerRegistry()
    await sql(url, 'create view public.mine as select port_number from ports.port_allocations')
    const contents = async () => [
      await schemaDump(url),
      await sql(url, 'select * from ports.port_allocations order by id'),
      await sql(url, 'select * from ports._prisma_migrations order by migration_name'),
      await ranges(url),
      await checks(url),
      await sql(url, `select nspname from pg_namespace where nspname ~ '^ports'`),
    ]
    const before = await contents()
    await expect(migrate({ url })).rejects.toMatchObject({
      code: 'DATABASE_NOT_MIGRATED',
      message: expect.stringContaining('depend on'),
    })
    expect(await contents()).toEqual(before)
    await sql(url, 'drop view public.mine')
    expect(await migrate({ url })).toEqual(migrationNames())
  })

  it('is migrated once if ten try at once', async () => {
    const url = await formerRegistry()
    const applied = await Promise.all(numbers(1, 10).map(() => migrate({ url })))
    expect(applied.filter((names) => names.length > 0)).toEqual([migrationNames()])
    await (await open(url)).getOrAllocate('shop', 'web')
  })

  it('gives other spellings of this machine its name, or one of their own that can be released', async () => {
    const url = await formerDatabase(count)
    await fillFormer(url)
    const spellings = ['127.0.0.1', '::1', '0.0.0.0', '::ffff:127.0.0.1', 'localhost.', '...:::']
    for (const hostname of spellings) {
      await sql(url, `select ports.get_or_allocate_port('blog', 'b', $1)`, [hostname])
    }
    for (const text of [
      // Where localhost has no such number, the oldest gets it.
      `select ports.allocate_port('solo', 'x', p_idempotency_key => 'key')`,
      `select ports.allocate_port('solo', 'w', '127.0.0.1')`,
      `select ports.allocate_port('solo', 'x', '127.0.0.1', p_idempotency_key => 'key')`,
      `select ports.allocate_port('solo', 'v', '::1')`,
      `select ports.allocate_port('solo', 'y', '::1')`,
    ]) {
      await sql(url, text)
    }
    const before = await holdings(url)
    await migrate({ url })
    const after = await holdings(url)
    const places = (rows: typeof before) =>
      new Set(
        rows.map((row) => `${row.id} ${row.project_name}/${row.service_name} ${row.port_number}`),
      )
    expect(places(after)).toEqual(places(before))

    const of = (project: string, service: string) =>
      after
        .filter((row) => row.project_name === project && row.service_name === service)
        .map(({ hostname, port_number, idempotency_key }) => [
          hostname.replace(/-\d+$/, ''),
          port_number,
          idempotency_key,
        ])
        .toSorted()
    expect(of('blog', 'b')).toEqual(
      [
        ['formerly-', 4000, null],
        ['formerly-0-0-0-0', 4000, null],
        ['formerly-1', 4000, null],
        ['formerly-ffff-127-0-0-1', 4000, null],
        ['formerly-localhost', 4000, null],
        ['localhost', 4000, null],
      ].toSorted(),
    )
    expect(of('solo', 'x')).toEqual([
      ['localhost', 6000, 'key'],
      ['localhost', 6001, null],
    ])
    expect(of('solo', 'w')).toEqual([['formerly-127-0-0-1', 6000, null]])

    const ports = await open(url)
    expect(await ports.allocate('solo', 'x', { idempotencyKey: 'key' })).toBe(6000)
    const pages = await ports.listPage({ limit: 100 })
    expect(pages.allocations).toHaveLength(after.length)
    for (const { projectName, serviceName, hostname, portNumber, protocol } of pages.allocations) {
      expect(
        await ports.release(projectName, serviceName, hostname, { portNumber, protocol }),
      ).toBe(true)
    }
    expect((await ports.listPage({ limit: 1 })).total).toBe(0)
    await expectSound(url)
  })
})

it('a registry made by the eight keeps the networks of its hosts', async () => {
  const url = await formerDatabase(8)
  await sql(url, `insert into ports.hosts (hostname, network) values ('alpha', 'initial')`)
  const before = await sql(url, 'select * from ports.hosts')
  await migrate({ url })
  expect(await sql(url, 'select * from ports.hosts')).toEqual(before)
})

describe('a registry whose migrations are not exactly these', () => {
  const LAST = FORMER_MIGRATIONS[5]

  it.each([
    ['lacks the last of the six', `delete from ports._prisma_migrations where migration_name = $1`],
    [
      'has another version of one',
      `update ports._prisma_migrations set checksum = repeat('0', 64) where migration_name = $1`,
    ],
    [
      'did not finish one',
      'update ports._prisma_migrations set finished_at = null where migration_name = $1',
    ],
  ])('and that %s is refused as it is', async (_what, change) => {
    const url = await formerDatabase(6)
    await fillFormer(url)
    await sql(url, change, [LAST])
    const before = await holdings(url)
    for (const call of [migrate, openRepository]) {
      await expect(call({ url })).rejects.toMatchObject({
        code: 'DATABASE_NOT_MIGRATED',
        message: expect.stringContaining('a different version of'),
      })
    }
    const { schema } = await databaseStatus({ url })
    expect(schema).toMatchObject({ beforeBaseline: false, unknown: [], applied: [] })
    expect(schema!.different).toEqual(expect.arrayContaining([FORMER_MIGRATIONS[0]]))
    expect(await holdings(url)).toEqual(before)
  })

  it.each([
    ['the six', 6, []],
    ['all that this program has', 0, migrationNames()],
  ])('and has %s and one that is unknown here is too new', async (_what, count, applied) => {
    const url = count > 0 ? await formerDatabase(count) : await emptyDatabase()
    const name = '20990101000000_leases'
    await sql(
      url,
      `insert into ports._prisma_migrations (id, checksum, migration_name, finished_at)
       values (gen_random_uuid()::text, repeat('0', 64), $1, now())`,
      [name],
    )
    for (const call of [migrate, openRepository]) {
      await expect(call({ url })).rejects.toMatchObject({
        code: 'REGISTRY_TOO_NEW',
        message: expect.stringContaining(name),
        details: { migrations: [name] },
      })
    }
    expect((await databaseStatus({ url })).schema).toMatchObject({
      applied,
      unknown: [name],
      beforeBaseline: false,
    })
  })
})
