import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PortManager } from '@ports/core'
import { emptyDatabase, skipBecause, sql, unmigratedDatabase } from '@ports/testkit/vitest'
import pg from 'pg'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { databaseStatus, migrate, openRepository, seed } from '../src/index.js'
import { migrationNames } from '../src/migrations.js'
import { prismaEngine } from './prismaEngine.js'
import { schemaDump } from './schemaDump.js'

const run = promisify(execFile)
const MIGRATE = fileURLToPath(new URL('fixtures/migrate.mjs', import.meta.url))

/** A stopped process that holds the lock on migrations. */
async function suspendedMigrator(url: string): Promise<ChildProcess> {
  for (;;) {
    const migrator = spawn(process.execPath, [MIGRATE, url], { stdio: 'ignore' })
    onTestFinished(() => void migrator.kill('SIGKILL'))
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const isMigrating = async () => {
      const { rowCount } = await client.query(
        `select
         from pg_locks
         where locktype = 'advisory'
           and database = (select oid from pg_database where datname = current_database())
           and granted`,
      )
      return rowCount === 1
    }
    await vi.waitUntil(async () => migrator.exitCode !== null || (await isMigrating()), {
      interval: 1,
      timeout: 30_000,
    })
    migrator.kill('SIGSTOP')
    // The running statement completes without the process, but the transaction does not.
    const held = migrator.exitCode === null && (await isMigrating())
    await client.end()
    if (held) return migrator
    // It had already finished, so the schema is dropped for the next attempt.
    migrator.kill('SIGKILL')
    await sql(url, 'drop schema if exists ports cascade')
  }
}

describe('migrate', () => {
  it('applies every migration once', async () => {
    const url = await unmigratedDatabase()
    expect(await migrate({ url })).toEqual(migrationNames())
    expect(await migrate({ url })).toEqual([])
  })

  it('leaves Prisma’s own engine nothing to do and nothing to complain of', async () => {
    const url = await unmigratedDatabase()
    await migrate({ url })
    const engine = await prismaEngine(url)
    expect(await engine.status()).toEqual({
      editedMigrationNames: [],
      failedMigrationNames: [],
      hasMigrationsTable: true,
      history: null,
    })
  })

  it('lets Prisma’s engine see a migration that is missing', async () => {
    const url = await emptyDatabase()
    await sql(url, 'delete from ports._prisma_migrations where migration_name = $1', [
      migrationNames().at(-1),
    ])
    const engine = await prismaEngine(url)
    expect((await engine.status()).history).toMatchObject({
      diagnostic: 'databaseIsBehind',
      unappliedMigrationNames: [migrationNames().at(-1)],
    })
  })

  it('makes the tables that schema.prisma shows', async () => {
    const engine = await prismaEngine(await emptyDatabase())
    expect(await engine.drift()).toBe('-- This is an empty migration.\n')
  })

  it('is seen as drift by the same check when a column differs', async () => {
    const url = await emptyDatabase()
    await sql(url, 'alter table ports.hosts drop column seen_at')
    expect(await (await prismaEngine(url)).drift()).toContain('ADD COLUMN     "seen_at"')
  })

  it('makes the schema that prisma/schema.sql shows', async ({ skip }) => {
    const url = await emptyDatabase()
    const [server] = await sql<{ version: number }>(
      url,
      `select current_setting('server_version_num')::integer / 10000 as version`,
    )
    if (server!.version !== 18) {
      skipBecause(skip, `schema.sql is as PostgreSQL 18 writes it, and this is ${server!.version}`)
    }
    await expect(await schemaDump(url)).toMatchFileSnapshot('../../../prisma/schema.sql')
  })

  it('does not wait longer than some seconds for a process that was suspended in the middle', async () => {
    const url = await unmigratedDatabase()
    const suspended = await suspendedMigrator(url)
    const notices: string[] = []
    expect(await migrate({ url, notify: (notice) => notices.push(notice) })).toEqual(
      migrationNames(),
    )
    expect(notices).toEqual([expect.stringContaining('waiting for another process')])
    const ended = once(suspended, 'exit')
    suspended.kill('SIGCONT')
    // It reports that its transaction was ended.
    expect((await ended)[0]).not.toBe(0)
    expect(await migrate({ url })).toEqual([])
  })

  it('says that others hold the lock, and changes nothing, where they keep it', async () => {
    const url = await unmigratedDatabase()
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    onTestFinished(() => client.end())
    await client.query('begin')
    await client.query('select pg_advisory_xact_lock(72707369)')
    await expect(migrate({ url })).rejects.toMatchObject({ code: 'BUSY' })
    expect(await sql(url, `select from pg_namespace where nspname = 'ports'`)).toEqual([])
  })

  it('may be run by twenty processes at once', async () => {
    const url = await unmigratedDatabase()
    const applied = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { stdout } = await run(process.execPath, [MIGRATE, url])
        return JSON.parse(stdout) as string[]
      }),
    )
    expect(applied.filter((names) => names.length > 0)).toEqual([migrationNames()])
    const recorded = await sql(
      url,
      'select migration_name from ports._prisma_migrations order by 1',
    )
    expect(recorded.map((row) => row.migration_name)).toEqual(migrationNames())
  })

  it('refuses a schema of another role, whose triggers would run with the rights of this one', async () => {
    const url = await unmigratedDatabase()
    const role = `guest_${randomBytes(4).toString('hex')}`
    await sql(url, `create role ${role}`)
    await sql(url, `create schema ports authorization ${role}`)
    await expect(migrate({ url })).rejects.toMatchObject({
      code: 'DATABASE_NOT_MIGRATED',
      message: expect.stringContaining(`the role ${role}, and only that role`),
    })
    expect(
      await sql(url, `select from pg_class where relnamespace = 'ports'::regnamespace`),
    ).toEqual([])
  })

  it('runs nothing of a migration table that is not a plain table', async () => {
    const url = await unmigratedDatabase()
    await sql(
      url,
      `create schema ports;
       create sequence public.ran;
       create view ports._prisma_migrations as
       select
         nextval('public.ran')::text as migration_name, ''::text as checksum,
         now() as finished_at, null::timestamptz as rolled_back_at`,
    )
    for (const call of [migrate, openRepository, databaseStatus]) {
      await expect(call({ url })).rejects.toMatchObject({
        code: 'DATABASE_NOT_MIGRATED',
        message: expect.stringContaining('not a plain table'),
      })
    }
    expect(await sql(url, 'select is_called from public.ran')).toEqual([{ is_called: false }])
  })

  it('changes nothing when one of the migrations fails', async () => {
    const url = await unmigratedDatabase()
    // Another object has the name of a function of the last migration.
    await sql(
      url,
      `create schema ports;
       create function ports.count_available(text, text, text) returns integer
       language sql as 'select 1'`,
    )
    await expect(migrate({ url })).rejects.toMatchObject({
      code: 'DATABASE_NOT_MIGRATED',
      message: expect.stringContaining('already exists'),
    })
    const tables = await sql(url, `select from pg_tables where schemaname = 'ports'`)
    expect(tables).toEqual([])
  })
})

describe('a database of the user’s own', () => {
  it('says which command it needs while it is not migrated, and which migrations', async () => {
    const url = await unmigratedDatabase()
    await expect(openRepository({ url })).rejects.toMatchObject({
      code: 'DATABASE_NOT_MIGRATED',
      message: expect.stringContaining('Migrate it'),
    })
    expect((await databaseStatus({ url })).schema).toEqual({
      applied: [],
      pending: migrationNames(),
      different: [],
      unknown: [],
      beforeBaseline: false,
    })
  })

  it('is refused if it has another version of a migration', async () => {
    const url = await emptyDatabase()
    const [first] = migrationNames()
    await sql(url, 'update ports._prisma_migrations set checksum = $1 where migration_name = $2', [
      '0'.repeat(64),
      first,
    ])
    const refusal = {
      code: 'DATABASE_NOT_MIGRATED',
      message: expect.stringContaining(`a different version of ${first}`),
    }
    await expect(openRepository({ url })).rejects.toMatchObject(refusal)
    await expect(migrate({ url })).rejects.toMatchObject(refusal)
    expect((await databaseStatus({ url })).schema?.different).toEqual([first])
  })

  it('gets the default ranges from seed, once, and keeps what was changed since', async () => {
    const url = await emptyDatabase()
    const { created, skipped } = await seed({ url })
    expect(skipped).toEqual([])
    expect(
      created.map(({ projectName, startPort, endPort }) => [projectName, startPort, endPort]),
    ).toEqual([
      ['meta-supervisor', 3000, 3099],
      ['consilio', 3100, 3199],
      ['openhorizon', 3200, 3299],
      ['odin', 3300, 3399],
      ['health-agent', 3400, 3499],
      ['quiculum-monitor', 3500, 3599],
      ['shared-services', 9000, 9999],
    ])
    const repository = await openRepository({ url })
    const ports = new PortManager(repository)
    await ports.resizeRange('odin', { startPort: 3300, endPort: 3349 })
    await ports.deleteRange('health-agent')
    const again = await seed({ url })
    expect(again.created.map((range) => range.projectName)).toEqual(['health-agent'])
    expect(again.skipped).toEqual([])
    expect(await ports.listRanges()).toContainEqual(
      expect.objectContaining({ projectName: 'odin', endPort: 3349 }),
    )
    await repository.close()
  })

  it('gets the default ranges that fit, and is told which do not and whose numbers they are', async () => {
    const url = await emptyDatabase()
    const repository = await openRepository({ url })
    const ports = new PortManager(repository)
    const mine = { projectName: 'mine', startPort: 3150, endPort: 3250 }
    await ports.createRange(mine)
    const { created, skipped } = await seed({ url })
    expect(created.map(({ projectName }) => projectName)).toEqual([
      'meta-supervisor',
      'odin',
      'health-agent',
      'quiculum-monitor',
      'shared-services',
    ])
    expect(skipped).toEqual([
      {
        range: expect.objectContaining({ projectName: 'consilio', startPort: 3100 }),
        overlaps: mine,
      },
      { range: expect.objectContaining({ projectName: 'openhorizon' }), overlaps: mine },
    ])
    expect(await ports.listRanges()).toHaveLength(6)
    expect((await seed({ url })).created).toEqual([])
    await ports.deleteRange('mine')
    expect(await seed({ url })).toMatchObject({
      created: [{ projectName: 'consilio' }, { projectName: 'openhorizon' }],
      skipped: [],
    })
    await repository.close()
  })
})
