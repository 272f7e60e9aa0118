import { randomBytes } from 'node:crypto'
import { emptyDatabase, sql, unmigratedDatabase } from '@ports/testkit/vitest'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { grantAccess, migrate, openRepository, seed } from '../../src/index.js'
import { migrationNames, readMigration } from '../../src/migrations.js'
import {
  CALL_LIST,
  contents,
  ENTRY_POINTS,
  expectRefusal,
  expectWorking,
  openOn,
  READS,
  url,
  WRITES,
  web,
} from './registry.js'

const shop = { projectName: 'shop', startPort: 3000, endPort: 3009 }

describe('a database without the registry', () => {
  it.each(['openRepository', 'seed'] as const)('is not migrated to %s', async (name) => {
    const error = await expectRefusal(
      ENTRY_POINTS[name](await unmigratedDatabase()),
      'DATABASE_NOT_MIGRATED',
    )
    expect(error.message).toContain('Migrate it.')
  })

  /** As if it had never been there, until the function that this gives is called or the test ends. */
  async function hide(what: 'schema ports' | `function ports.${string}`) {
    const hidden = what.replace(/\w+$/, 'hidden')
    let isHidden = true
    const bringBack = async () => {
      if (isHidden) await sql(url, `alter ${hidden} rename to ${/\w+$/.exec(what)![0]}`)
      isHidden = false
    }
    await sql(url, `alter ${what} rename to hidden`)
    onTestFinished(bringBack)
    return bringBack
  }

  it.each(CALL_LIST)('that had it before is not migrated to %s', async (_name, call) => {
    const { repository } = await openOn(url)
    await repository.listRanges()
    const before = await contents()
    const bringBack = await hide('schema ports')
    const error = await expectRefusal(call(repository), 'DATABASE_NOT_MIGRATED')
    expect(error.message).toContain('Migrate it.')
    await bringBack()
    expect(await contents()).toEqual(before)
    await call(repository)
    await expectWorking(repository)
  })

  it('that had it before is migrated under a repository that stays open', async () => {
    const dropped = await emptyDatabase()
    const { pool, repository } = await openOn(dropped)
    // The one that prepared the statements before.
    pool.options.max = 1
    await repository.createRange(shop)
    await repository.allocate(web)
    for (const read of Object.values(READS)) await read(repository)
    await sql(dropped, 'drop schema ports cascade')
    await expectRefusal(repository.allocate(web), 'DATABASE_NOT_MIGRATED')
    await migrate({ url: dropped })
    await repository.createRange(shop)
    expect(await repository.allocate(web)).toBe(3000)
    for (const read of Object.values(READS)) await read(repository)
    await expectWorking(repository, dropped)
  })

  it('that is one migration behind is not migrated until it is', async () => {
    const behind = await unmigratedDatabase()
    const names = migrationNames()
    // As Prisma makes it.
    await sql(
      behind,
      `create schema ports;
       create table ports._prisma_migrations (
         id varchar(36) primary key not null,
         checksum varchar(64) not null,
         finished_at timestamptz,
         migration_name varchar(255) not null,
         logs text,
         rolled_back_at timestamptz,
         started_at timestamptz not null default now(),
         applied_steps_count integer not null default 0
       )`,
    )
    for (const name of names.slice(0, -1)) {
      const migration = readMigration(name)
      await sql(behind, migration.sql)
      await sql(
        behind,
        `insert into ports._prisma_migrations
           (id, checksum, migration_name, finished_at, applied_steps_count)
         values (gen_random_uuid(), $1, $2, now(), 1)`,
        [migration.checksum, name],
      )
    }
    await expectRefusal(openRepository({ url: behind }), 'DATABASE_NOT_MIGRATED')
    expect(await migrate({ url: behind })).toEqual(names.slice(-1))
    const repository = await openRepository({ url: behind })
    onTestFinished(() => repository.close())
    await repository.createRange(shop)
    await expectWorking(repository, behind)
  })

  it('whose migration table lacks the last migration is not migrated', async () => {
    const behind = await emptyDatabase()
    await sql(
      behind,
      `delete from ports._prisma_migrations
       where migration_name = (select max(migration_name) from ports._prisma_migrations)`,
    )
    const error = await expectRefusal(openRepository({ url: behind }), 'DATABASE_NOT_MIGRATED')
    expect(error.message).toContain('Migrate it.')
  })

  it.each([
    ['ensure_port', WRITES.getOrAllocate!],
    ['allocate_port', WRITES.allocate!],
    ['release_ports', WRITES.release!],
    ['record_health_checks', WRITES.recordChecks!],
    ['create_next_range', WRITES.createNextRange!],
  ])('that lacks the function %s is not migrated to its call', async (name, call) => {
    const { repository } = await openOn(url)
    const before = await contents()
    const bringBack = await hide(`function ports.${name}`)
    await expectRefusal(call(repository), 'DATABASE_NOT_MIGRATED')
    expect((await repository.list({ projectName: 'shop' })).total).toBe(1)
    await bringBack()
    expect(await contents()).toEqual(before)
    await call(repository)
    await expectWorking(repository)
  })
})

describe('a registry of another version', () => {
  /** What a registry holds, and what each role may do with it. */
  async function everything(databaseUrl: string) {
    const rights = await sql(
      databaseUrl,
      `select relname as name, relacl::text as rights
       from pg_class
       where relnamespace = 'ports'::regnamespace
       union all
       select proname, proacl::text
       from pg_proc
       where pronamespace = 'ports'::regnamespace
       order by 1, 2`,
    )
    return { ...(await contents(databaseUrl)), rights }
  }

  const VERSIONS = {
    REGISTRY_TOO_NEW: `
      insert into ports._prisma_migrations (id, checksum, migration_name, finished_at)
      values ('later', repeat('0', 64), '20990101000000_later', now())`,
    DATABASE_NOT_MIGRATED: `
      delete from ports._prisma_migrations
      where migration_name = (select max(migration_name) from ports._prisma_migrations)`,
  } as const
  const CHANGES = {
    seed: (databaseUrl: string) => seed({ url: databaseUrl }),
    grantAccess: (databaseUrl: string) => grantAccess(role, 'use', { url: databaseUrl }),
  }

  const role = `guest_${randomBytes(4).toString('hex')}`
  beforeAll(async () => {
    await sql(url, `create role ${role}`)
  })

  describe.each(['REGISTRY_TOO_NEW', 'DATABASE_NOT_MIGRATED'] as const)('is %s', (code) => {
    it.each(Object.entries(CHANGES))('to %s, which changes nothing', async (_name, change) => {
      const other = await emptyDatabase()
      await sql(other, VERSIONS[code])
      const before = await everything(other)
      await expectRefusal(change(other), code)
      expect(await everything(other)).toEqual(before)
    })
  })
})
