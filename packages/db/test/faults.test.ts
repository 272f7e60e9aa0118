import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { type CallOptions, type PortRepository, PortsError, type PortsErrorCode } from '@ports/core'
import type pg from 'pg'
import type { Pool } from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { emptyDatabase, sql, unmigratedDatabase } from '../../../test/database.js'
import { databaseUrlOn } from '../../../test/databaseUrl.js'
import {
  databaseStatus,
  migrate,
  openRepository,
  seed,
  startDatabase,
  stopDatabase,
} from '../src/index.js'
import { migrationNames, readMigration } from '../src/migrations.js'
import { openPool } from '../src/openPool.js'
import { PrismaPortRepository } from '../src/PrismaPortRepository.js'
import { RegistryPool } from '../src/RegistryPool.js'
import { translate } from '../src/sqlState.js'
import { FaultyProxy } from './fixtures/FaultyProxy.js'
import { ending, numbers, Session, untilWaiting } from './sessions.js'

/** Belongs into no message, whatever goes wrong. */
const PASSWORD = 'hunter2:@/?ß'
const QUOTED_PASSWORD = encodeURIComponent(PASSWORD)

const web = {
  projectName: 'shop',
  serviceName: 'web',
  hostname: 'localhost',
  protocol: 'tcp',
} as const
const api = { ...web, serviceName: 'api' }
const shop = { projectName: 'shop', startPort: 3000, endPort: 3009 }

type Call = (store: PortRepository, call?: CallOptions) => Promise<unknown>

const READS: Readonly<Record<string, Call>> = {
  findPort: (store, call) => store.findPort(web, call),
  list: (store, call) => store.list({ projectName: 'shop' }, call),
  'a page of list': (store, call) => store.list({ limit: 1 }, call),
  summarize: (store, call) =>
    store.summarize('shop', { hostname: 'localhost', protocol: 'tcp' }, call),
  listRanges: (store, call) => store.listRanges(call),
}

/** Each changes a registry in which shop holds a port for web alone, and an empty range is left. */
const WRITES: Readonly<Record<string, Call>> = {
  getOrAllocate: (store, call) => store.getOrAllocate(api, call),
  allocate: (store, call) => store.allocate(web, call),
  release: (store, call) => store.release(web, call),
  update: (store, call) => store.update(web, { description: 'Storefront' }, call),
  recordChecks: async (store, call) => {
    return store.recordChecks([{ allocationId: webId, verdict: 'listening' }], call)
  },
  createRange: (store, call) =>
    store.createRange({ projectName: 'blog', startPort: 4000, endPort: 4009 }, call),
  createNextRange: (store, call) => store.createNextRange({ projectName: 'blog', size: 10 }, call),
  resizeRange: (store, call) => store.resizeRange('shop', { startPort: 3000, endPort: 3019 }, call),
  deleteRange: (store, call) => store.deleteRange('empty', call),
}

const CALLS = { ...READS, ...WRITES }
const READ_LIST = Object.entries(READS)
const WRITE_LIST = Object.entries(WRITES)
const CALL_LIST = Object.entries(CALLS)

/** For what takes its time: reads and writes, prepared and of Prisma, alone and in a transaction. */
const SOME_OF_EACH = CALL_LIST.filter(([name]) =>
  ['findPort', 'a page of list', 'listRanges', 'allocate', 'update', 'createRange'].includes(name),
)

/** Those that wait for a connection before they send anything. */
const HOT = ['findPort', 'getOrAllocate', 'allocate', 'release', 'recordChecks', 'createNextRange']

let url: string
let webId: string

beforeAll(async () => {
  url = await emptyDatabase()
})

beforeEach(async () => {
  await sql(
    url,
    `set session_replication_role = replica;
     delete from ports.port_health_checks;
     delete from ports.port_allocations;
     delete from ports.port_ranges;
     set session_replication_role = origin;
     insert into ports.port_ranges (project_name, start_port, end_port)
     values ('shop', 3000, 3009), ('empty', 3500, 3509);
     select ports.allocate_port('shop', 'web')`,
  )
  const [row] = await sql<{ id: string }>(
    url,
    `select id from ports.port_allocations where service_name = 'web'`,
  )
  webId = row!.id
})

/** All that there is to know of a registry. */
async function contents(databaseUrl = url) {
  const [all] = await sql(
    databaseUrl,
    `select
       (select json_agg(row order by start_port) from ports.port_ranges as row) as ranges,
       (select json_agg(row order by port_number, id) from ports.port_allocations as row) as slots,
       (select json_agg(row order by id) from ports.port_health_checks as row) as checks`,
  )
  return all!
}

/** A repository on a pool that the test can look into. */
async function openOn(databaseUrl: string) {
  const pool = await openPool({ url: databaseUrl })
  return withPool(pool)
}

function withPool(pool: Pool) {
  const repository = new PrismaPortRepository(pool)
  onTestFinished(() => repository.close())
  return { pool, repository }
}

/** On a pool whose patience is short. */
function openImpatiently(config: pg.PoolConfig) {
  return withPool(new RegistryPool({ connectionString: url, application_name: 'ports', ...config }))
}

const SQL =
  /\bselect\b.+\bfrom\b|\binsert into\b|\bupdate\b.+\bset\b|\bdelete from\b|\$\d|ports"?\.\w/is

/** What a call is rejected with: a PortsError that tells neither SQL nor secrets. */
async function refusal(call: Promise<unknown>): Promise<PortsError> {
  const error = await call.then(
    (value) => new Error(`It was not refused, but gave ${inspect(value)}`),
    (error) => error,
  )
  if (!(error instanceof PortsError)) throw error
  const shown = `${error.message} ${JSON.stringify(error.details)}`
  expect(shown).not.toMatch(SQL)
  expect(shown).not.toMatch(/prisma/i)
  // Not even in what a log would have of it.
  for (const secret of [PASSWORD, QUOTED_PASSWORD, 'hunter2']) {
    expect(inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })).not.toContain(
      secret,
    )
  }
  return error
}

async function expectRefusal(call: Promise<unknown>, code: PortsErrorCode): Promise<PortsError> {
  const error = await refusal(call)
  expect(error.code, error.message).toBe(code)
  return error
}

/**
 * Whatever happened, the repository goes on: it reads and writes, both ways, and what it acknowledges
 * is there for others too.
 */
async function expectWorking(repository: PortRepository, databaseUrl = url) {
  const later = { ...web, serviceName: 'later' }
  const portNumber = await repository.getOrAllocate(later)
  const seen = await sql(
    databaseUrl,
    `select port_number
     from ports.port_allocations
     where service_name = 'later' and status <> 'released'`,
  )
  expect(seen, 'what others see of an acknowledged port').toEqual([{ port_number: portNumber }])
  expect(await repository.findPort(later)).toEqual({ portNumber })
  expect(await repository.update(later, { description: 'After all' })).toBe(true)
  expect((await repository.list({ limit: 100 })).allocations).toContainEqual(
    expect.objectContaining({ portNumber, description: 'After all' }),
  )
}

/** Nobody else gets at the tables until the session's transaction ends. */
async function lockTables(): Promise<Session> {
  const session = await Session.open(url)
  await session.query('begin')
  await session.query(
    'lock table ports.port_ranges, ports.port_allocations in access exclusive mode',
  )
  return session
}

/** The backend of a repository's call that waits for a lock. */
function waitingBackend(): Promise<number> {
  return untilWaiting(url, 'application_name = $1', 'ports')
}

/** Until no call is under way, of a repository that may have lost sight of it. */
async function untilIdle() {
  await vi.waitUntil(
    async () => {
      const active = await sql(
        url,
        `select
         from pg_stat_activity
         where datname = current_database()
           and pid <> pg_backend_pid()
           and state = 'active'`,
      )
      return active.length === 0
    },
    { interval: 10, timeout: 20_000 },
  )
}

/** Takes the pool's only connection, until the test gives it back or ends. */
async function takeConnection(pool: Pool): Promise<() => void> {
  const client = await pool.connect()
  let taken = true
  const giveBack = () => {
    if (taken) client.release()
    taken = false
  }
  onTestFinished(giveBack)
  return giveBack
}

/** Until every call before this has had the pool's only connection. */
async function untilGivenBack(pool: Pool): Promise<void> {
  await pool.query('select')
}

/** A promise that may reject before the test comes to await it. */
function underWay<Result>(promise: Promise<Result>): Promise<Result> {
  promise.catch(() => {})
  return promise
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'ports-faults-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Every way into a database of one's own. */
const DOORS = {
  openRepository: (databaseUrl: string) => openRepository({ url: databaseUrl }),
  migrate: (databaseUrl: string) => migrate({ url: databaseUrl }),
  seed: (databaseUrl: string) => seed({ url: databaseUrl }),
  databaseStatus: (databaseUrl: string) => databaseStatus({ url: databaseUrl }),
}
const DOOR_LIST = Object.entries(DOORS)

describe('a database that is not there', () => {
  it.each(DOOR_LIST)('is unavailable to %s behind a closed port', async (_name, door) => {
    const port = await closedPort()
    const error = await expectRefusal(
      door(`postgresql://ports:${QUOTED_PASSWORD}@127.0.0.1:${port}/ports`),
      'DATABASE_UNAVAILABLE',
    )
    expect(error.message).toContain('PORTS_DATABASE_URL')
    expect(error.message).toContain(String(port))
  })

  it.each(DOOR_LIST)('is unavailable to %s without a socket', async (_name, door) => {
    const directory = temporaryDirectory()
    await expectRefusal(door(databaseUrlOn(directory, 'ports')), 'DATABASE_UNAVAILABLE')
  })

  it.each(DOOR_LIST)('is unavailable to %s where it has another name', async (_name, door) => {
    const unknown = url.replace(/test_\w+/, 'test_unknown')
    await expectRefusal(door(unknown), 'DATABASE_UNAVAILABLE')
  })

  it.each(DOOR_LIST)('is unavailable to %s where it is a web server', async (_name, door) => {
    const server = createHttpServer((_request, response) => response.end()).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    await expectRefusal(
      door(`postgresql://ports:${QUOTED_PASSWORD}@127.0.0.1:${port}/ports`),
      'DATABASE_UNAVAILABLE',
    )
  })

  it.each(DOOR_LIST)('is unavailable to %s where it takes no connections', async (_name, door) => {
    // Never does.
    await expectRefusal(door(url.replace(/test_\w+/, 'template0')), 'DATABASE_UNAVAILABLE')
  })

  it.each(DOOR_LIST)('is unavailable to %s where it cannot encrypt', async (_name, door) => {
    await expectRefusal(door(`${url}&sslmode=no-verify`), 'DATABASE_UNAVAILABLE')
  })

  it.each(DOOR_LIST)(
    'is unavailable to %s where its certificate is missing',
    async (_name, door) => {
      const missing = encodeURIComponent(join(temporaryDirectory(), 'ca.pem'))
      await expectRefusal(
        door(`${url}&sslmode=verify-full&sslrootcert=${missing}`),
        'DATABASE_UNAVAILABLE',
      )
    },
  )

  it.each(DOOR_LIST)('is unavailable to %s where it hangs up', async (_name, door) => {
    const proxy = new FaultyProxy(url)
    await proxy.up()
    onTestFinished(() => proxy.down())
    proxy.refuse()
    await expectRefusal(door(proxy.url), 'DATABASE_UNAVAILABLE')
  })
})

describe.each([
  ['TCP', () => undefined],
  ['a Unix socket', temporaryDirectory],
])('a database that goes away, on %s,', (_kind, directory) => {
  it.each(CALL_LIST)('is unavailable to %s until it is back', async (_name, call) => {
    const proxy = new FaultyProxy(url, directory())
    await proxy.up()
    onTestFinished(() => proxy.down())
    const { pool, repository } = await openOn(proxy.url)
    await repository.listRanges()
    const before = await contents()
    await proxy.down()
    // Not yet noticed, a broken connection would still be written to.
    await vi.waitUntil(() => pool.totalCount === 0, { interval: 1 })
    await expectRefusal(call(repository), 'DATABASE_UNAVAILABLE')
    expect(await contents()).toEqual(before)
    await proxy.up()
    await call(repository)
    await expectWorking(repository)
  })
})

describe.each([
  ['TCP', () => undefined],
  ['a Unix socket', temporaryDirectory],
])('a connection that broke unnoticed, on %s,', (_kind, directory) => {
  it.each(CALL_LIST)('is found out by %s', async (name, call) => {
    const proxy = new FaultyProxy(url, directory())
    await proxy.up()
    onTestFinished(() => proxy.down())
    const { repository } = await openOn(proxy.url)
    await repository.listRanges()
    const before = await contents()
    proxy.cut()
    const error = await refusal(call(repository))
    // Whether anything could be sent depends on when the kernel says that nobody is there.
    const possible = ['DATABASE_UNAVAILABLE', ...(name in READS ? [] : ['OUTCOME_UNKNOWN'])]
    expect(possible).toContain(error.code)
    expect(await contents()).toEqual(before)
    await call(repository)
    await expectWorking(repository)
  })
})

describe('a database that hangs up on new connections', () => {
  it.each(CALL_LIST)('is unavailable to %s, for nothing was sent', async (_name, call) => {
    const proxy = new FaultyProxy(url)
    await proxy.up()
    onTestFinished(() => proxy.down())
    const { repository } = await openOn(proxy.url)
    const before = await contents()
    proxy.refuse()
    await expectRefusal(call(repository), 'DATABASE_UNAVAILABLE')
    expect(await contents()).toEqual(before)
    proxy.accept()
    await call(repository)
    await expectWorking(repository)
  })
})

describe('a server that asks for a password', () => {
  // One server for the whole of it; the environment decides which one is ours.
  let home: string
  let lockedUrl: (password?: string, user?: string) => string
  let adminUrl: string
  let previousHome: string | undefined

  beforeAll(async () => {
    previousHome = process.env.PORTS_HOME
    home = mkdtempSync(join(tmpdir(), 'ports-locked-'))
    // Under root the server has an account of its own, which must get in.
    chmodSync(home, 0o755)
    process.env.PORTS_HOME = home
    const { dataDirectory, socketDirectory } = await startDatabase()
    adminUrl = databaseUrlOn(socketDirectory!, 'postgres')
    const rules = join(dataDirectory!, 'pg_hba.conf')
    // Written into the file that is there, so that it stays its owner's.
    writeFileSync(rules, `local all locked scram-sha-256\n${readFileSync(rules, 'utf8')}`)
    await sql(
      adminUrl,
      `create role locked login password '${PASSWORD}';
       grant usage on schema ports to locked;
       grant all on all tables in schema ports to locked;
       select pg_reload_conf()`,
    )
    lockedUrl = (password, user = 'locked') => {
      const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`
      return adminUrl.replace('ports@', `${user}${secret}@`)
    }
    await vi.waitUntil(async () => (await ending(sql(lockedUrl('wrong'), 'select 1'))) === '28P01')
  })

  afterAll(async () => {
    process.env.PORTS_HOME = home
    await stopDatabase()
    if (previousHome === undefined) delete process.env.PORTS_HOME
    else process.env.PORTS_HOME = previousHome
    rmSync(home, { recursive: true, force: true })
  })

  it('lets in whoever knows it, and shows it to nobody', async () => {
    const repository = await openRepository({ url: lockedUrl(PASSWORD) })
    onTestFinished(() => repository.close())
    expect(await repository.getOrAllocate({ ...web, projectName: 'consilio' })).toBe(3100)
    const status = await databaseStatus({ url: lockedUrl(PASSWORD) })
    expect(JSON.stringify(status)).not.toContain('hunter2')
    expect(status).toMatchObject({ kind: 'external', running: true })
  })

  it.each(DOOR_LIST)('is unavailable to %s with a wrong one', async (_name, door) => {
    const error = await expectRefusal(door(lockedUrl(`not ${PASSWORD}`)), 'DATABASE_UNAVAILABLE')
    expect(error.message).toMatch(/password/i)
  })

  it.each(DOOR_LIST)('is unavailable to %s without one', async (_name, door) => {
    await expectRefusal(door(lockedUrl()), 'DATABASE_UNAVAILABLE')
  })

  it.each(DOOR_LIST)('is unavailable to %s as nobody it knows', async (_name, door) => {
    await expectRefusal(door(lockedUrl(PASSWORD, 'stranger')), 'DATABASE_UNAVAILABLE')
  })

  it.each(CALL_LIST)('is unavailable to %s when it has changed', async (_name, call) => {
    const { repository } = await openOn(lockedUrl(PASSWORD))
    await sql(adminUrl, `alter role locked password 'changed'`)
    onTestFinished(async () => {
      await sql(adminUrl, `alter role locked password '${PASSWORD}'`)
    })
    const before = await contents(adminUrl)
    await expectRefusal(call(repository), 'DATABASE_UNAVAILABLE')
    expect(await contents(adminUrl)).toEqual(before)
    await sql(adminUrl, `alter role locked password '${PASSWORD}'`)
    expect(await repository.listRanges()).toHaveLength(7)
  })

  it('is unavailable to a role that may not log in, or has no connection left', async () => {
    for (const [forbid, allow] of [
      ['nologin', 'login'],
      ['connection limit 0', 'connection limit -1'],
    ]) {
      await sql(adminUrl, `alter role locked ${forbid}`)
      try {
        await expectRefusal(openRepository({ url: lockedUrl(PASSWORD) }), 'DATABASE_UNAVAILABLE')
      } finally {
        await sql(adminUrl, `alter role locked ${allow}`)
      }
    }
  })
})

describe('a database without the registry', () => {
  it.each(['openRepository', 'seed'] as const)('is not migrated to %s', async (name) => {
    const error = await expectRefusal(
      DOORS[name](await unmigratedDatabase()),
      'DATABASE_NOT_MIGRATED',
    )
    expect(error.message).toContain('ports db migrate')
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
    expect(error.message).toContain('ports db migrate')
    await bringBack()
    expect(await contents()).toEqual(before)
    await call(repository)
    await expectWorking(repository)
  })

  it('that had it before is migrated under a repository that stays open', async () => {
    const dropped = await emptyDatabase()
    const { repository } = await openOn(dropped)
    await repository.createRange(shop)
    await repository.allocate(web)
    await sql(dropped, 'drop schema ports cascade')
    await expectRefusal(repository.allocate(web), 'DATABASE_NOT_MIGRATED')
    await migrate({ url: dropped })
    await repository.createRange(shop)
    expect(await repository.allocate(web)).toBe(3000)
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

  it('whose book lacks the last migration is not migrated', async () => {
    const behind = await emptyDatabase()
    await sql(
      behind,
      `delete from ports._prisma_migrations
       where migration_name = (select max(migration_name) from ports._prisma_migrations)`,
    )
    const error = await expectRefusal(openRepository({ url: behind }), 'DATABASE_NOT_MIGRATED')
    expect(error.message).toContain('ports db migrate')
  })

  it.each([
    ['get_or_allocate_port', WRITES.getOrAllocate!],
    ['allocate_port', WRITES.allocate!],
    ['release_port', WRITES.release!],
    ['record_health_checks', WRITES.recordChecks!],
    ['create_next_range', WRITES.createNextRange!],
  ])('that lacks the function %s is not migrated to its call', async (name, call) => {
    const { repository } = await openOn(url)
    const before = await contents()
    const bringBack = await hide(`function ports.${name}`)
    await expectRefusal(call(repository), 'DATABASE_NOT_MIGRATED')
    expect(await repository.findPort(web)).toEqual({ portNumber: 3000 })
    await bringBack()
    expect(await contents()).toEqual(before)
    await call(repository)
    await expectWorking(repository)
  })
})

describe('a backend that is terminated in mid-call', () => {
  it.each(CALL_LIST)('leaves the registry as it was, in %s', async (_name, call) => {
    const { repository } = await openOn(url)
    await repository.listRanges()
    const before = await contents()
    const lock = await lockTables()
    const refused = underWay(expectRefusal(call(repository), 'DATABASE_UNAVAILABLE'))
    await sql(url, 'select pg_terminate_backend($1)', [await waitingBackend()])
    await refused
    await lock.rollback()
    await untilIdle()
    expect(await contents()).toEqual(before)
    await call(repository)
    await expectWorking(repository)
  })

  it('or between calls is not noticed by the next one', async () => {
    const { pool, repository } = await openOn(url)
    await Promise.all([repository.findPort(web), repository.listRanges()])
    expect(pool.totalCount).toBeGreaterThan(0)
    await sql(
      url,
      `select pg_terminate_backend(pid)
       from pg_stat_activity
       where datname = current_database()
         and application_name = 'ports'`,
    )
    await vi.waitUntil(() => pool.totalCount === 0, { interval: 1 })
    await expectWorking(repository)
  })
})

describe('a statement that is cancelled in mid-call', () => {
  it.each(CALL_LIST)('is BUSY and leaves the registry as it was, in %s', async (_name, call) => {
    const { repository } = await openOn(url)
    await repository.listRanges()
    const before = await contents()
    const lock = await lockTables()
    const refused = underWay(expectRefusal(call(repository), 'BUSY'))
    await sql(url, 'select pg_cancel_backend($1)', [await waitingBackend()])
    await refused
    await lock.rollback()
    expect(await contents()).toEqual(before)
    await call(repository)
    await expectWorking(repository)
  })
})

/** How to find out what became of a write. */
const RESOLVED_BY: Readonly<Record<string, RegExp>> = {
  getOrAllocate: /Ask again/,
  allocate: /ports list shop/,
  release: /Release it again/,
  update: /Update it again/,
  recordChecks: /Audit again/,
  createRange: /ports range list/,
  createNextRange: /ports range list/,
  resizeRange: /ports range list/,
  deleteRange: /ports range list/,
}

async function expectUnknown(name: string, call: Promise<unknown>): Promise<PortsError> {
  const error = await expectRefusal(call, 'OUTCOME_UNKNOWN')
  expect(error.message).toMatch(RESOLVED_BY[name]!)
  return error
}

describe('a connection that is cut in mid-call', () => {
  async function openThroughProxy() {
    const proxy = new FaultyProxy(url)
    await proxy.up()
    onTestFinished(() => proxy.down())
    const { pool, repository } = await openOn(proxy.url)
    // From here on there is one connection, and Prisma is loaded.
    await repository.listRanges()
    return { proxy, pool, repository }
  }

  it.each(READ_LIST)('makes the database unavailable to %s', async (_name, call) => {
    const { proxy, repository } = await openThroughProxy()
    for (const fault of ['request', 'answer'] as const) {
      proxy.breakAt(fault)
      await expectRefusal(call(repository), 'DATABASE_UNAVAILABLE')
      await call(repository)
    }
    await expectWorking(repository)
  })

  it.each(WRITE_LIST)('leaves unknown what became of %s that never arrived', async (name, call) => {
    const { proxy, repository } = await openThroughProxy()
    const before = await contents()
    proxy.breakAt('request')
    await expectUnknown(name, call(repository))
    await untilIdle()
    expect(await contents()).toEqual(before)
    await call(repository)
    await expectWorking(repository)
  })

  it.each(WRITE_LIST)('leaves unknown what became of %s that was done', async (name, call) => {
    const { proxy, repository } = await openThroughProxy()
    const before = await contents()
    proxy.breakAt('answer')
    await expectUnknown(name, call(repository))
    await untilIdle()
    expect(await contents()).not.toEqual(before)
    await expectWorking(repository)
  })

  it.each(CALL_LIST)('that waits does not stop the next, after %s', async (name, call) => {
    const { proxy, repository } = await openThroughProxy()
    const lock = await lockTables()
    const refused = underWay(
      name in READS
        ? expectRefusal(call(repository), 'DATABASE_UNAVAILABLE')
        : expectUnknown(name, call(repository)),
    )
    await waitingBackend()
    proxy.cut()
    await refused
    await lock.rollback()
    await untilIdle()
    await expectWorking(repository)
  })

  it.each(['request', 'answer'] as const)(
    'at the %s of getOrAllocate is made up for by asking again',
    async (fault) => {
      const { proxy, repository } = await openThroughProxy()
      proxy.breakAt(fault)
      await expectUnknown('getOrAllocate', repository.getOrAllocate(api))
      expect(await repository.getOrAllocate(api)).toBe(3001)
      const { allocations } = await repository.list({ projectName: 'shop' })
      expect(allocations.map(({ portNumber }) => portNumber)).toEqual([3000, 3001])
    },
  )

  it('fails all the calls that it concerns and no other', async () => {
    const { proxy, repository } = await openThroughProxy()
    const direct = await openOn(url)
    const lock = await lockTables()
    const refused = numbers(1, 5).map(() =>
      underWay(expectUnknown('getOrAllocate', repository.getOrAllocate(api))),
    )
    const answered = direct.repository.getOrAllocate(api)
    await vi.waitUntil(
      async () => {
        const waiting = await sql(
          url,
          `select
           from pg_stat_activity
           where datname = current_database()
             and application_name = 'ports'
             and wait_event_type = 'Lock'`,
        )
        return waiting.length === 6
      },
      { interval: 10 },
    )
    proxy.cut()
    await Promise.all(refused)
    await lock.rollback()
    const port = await answered
    await untilIdle()
    expect(await repository.getOrAllocate(api)).toBe(port)
    expect(
      (await repository.list({ projectName: 'shop' })).allocations.filter(
        ({ serviceName }) => serviceName === 'api',
      ),
    ).toHaveLength(1)
  })

  it('because its host became unreachable leaves a write unknown, too', () => {
    // What Linux reports of an established connection whose peer's host has gone.
    const unreachable = Object.assign(new Error('read EHOSTUNREACH'), {
      code: 'EHOSTUNREACH',
      errno: -113,
      syscall: 'read',
    })
    expect(translate(unreachable, { write: true })).toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    expect(translate(unreachable, { write: false })).toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    })
  })
})

describe('a server that does not answer in time', () => {
  it.each(SOME_OF_EACH)('does not keep %s waiting, nor the next call', async (name, call) => {
    const { repository } = openImpatiently({ query_timeout: 400, max: 1 })
    await repository.listRanges()
    const lock = await lockTables()
    if (name in READS) await expectRefusal(call(repository), 'DATABASE_UNAVAILABLE')
    else await expectUnknown(name, call(repository))
    await lock.rollback()
    await untilIdle()
    await expectWorking(repository)
  })
})

describe('a call that is aborted', () => {
  /** What the call is rejected with once it is aborted, which it is when `ready`. */
  async function abortWhen(
    ready: () => Promise<unknown>,
    call: (options: CallOptions) => Promise<unknown>,
    reason: unknown,
  ): Promise<unknown> {
    const controller = new AbortController()
    const rejected = call({ signal: controller.signal }).then(
      (value) => new Error(`It was not aborted, but gave ${inspect(value)}`),
      (error) => error,
    )
    await ready()
    controller.abort(reason)
    return rejected
  }

  const REASON = new Error('No longer wanted')

  it.each(READ_LIST)('in mid-read is rejected with the reason, in %s', async (_name, call) => {
    const { repository } = await openOn(url)
    await repository.listRanges()
    const lock = await lockTables()
    const error = await abortWhen(waitingBackend, (options) => call(repository, options), REASON)
    expect(error).toBe(REASON)
    await lock.rollback()
    await untilIdle()
    await expectWorking(repository)
  })

  it.each(WRITE_LIST)(
    'in mid-write leaves unknown what became of it, in %s',
    async (name, call) => {
      const { repository } = await openOn(url)
      await repository.listRanges()
      const lock = await lockTables()
      const error = await abortWhen(waitingBackend, (options) => call(repository, options), REASON)
      expect((await expectUnknown(name, Promise.reject(error))).cause).toBe(REASON)
      await lock.rollback()
      await untilIdle()
      await expectWorking(repository)
    },
  )

  it('in mid-write of getOrAllocate is made up for by asking again', async () => {
    const { repository } = await openOn(url)
    const lock = await lockTables()
    await abortWhen(waitingBackend, (options) => repository.getOrAllocate(api, options), REASON)
    await lock.rollback()
    expect(await repository.getOrAllocate(api)).toBe(3001)
    await untilIdle()
    expect((await repository.list({ projectName: 'shop' })).total).toBe(2)
  })

  it.each(CALL_LIST)(
    'while it waits for a connection says the truth, in %s',
    async (name, call) => {
      const { pool, repository } = openImpatiently({ max: 1 })
      await repository.listRanges()
      const before = await contents()
      const giveBack = await takeConnection(pool)
      const error = await abortWhen(
        () => vi.waitUntil(() => pool.waitingCount > 0, { interval: 1 }),
        (options) => call(repository, options),
        REASON,
      )
      giveBack()
      await untilGivenBack(pool)
      await untilIdle()
      if (error === REASON) {
        expect(await contents()).toEqual(before)
        await call(repository)
      } else {
        // Prisma cannot be stopped: what it was asked, it still does.
        expect([...Object.keys(READS), ...HOT]).not.toContain(name)
        await expectUnknown(name, Promise.reject(error))
      }
      await expectWorking(repository)
    },
  )

  // Whatever the caller says, it is not about the database, though it may sound like that.
  it.each([
    ['an error about a client', new Error('Client went away')],
    ['an error about a connection', new Error('Connection terminated by the user')],
    ['an error about time', new Error('timeout exceeded')],
    ['an error of a socket', Object.assign(new Error('No more'), { code: 'EPIPE', syscall: 'x' })],
    ['a text', 'no longer wanted'],
    ['null', null],
  ])('is rejected with its reason, %s', async (_what, reason) => {
    const { pool, repository } = openImpatiently({ max: 1 })
    for (const name of ['findPort', 'listRanges', 'allocate'] as const) {
      const giveBack = await takeConnection(pool)
      const error = await abortWhen(
        () => vi.waitUntil(() => pool.waitingCount > 0, { interval: 1 }),
        (options) => CALLS[name]!(repository, options),
        reason,
      )
      expect(error).toBe(reason)
      giveBack()
      await untilGivenBack(pool)
    }
    await expectWorking(repository)
  })

  it('leaves nothing behind on a signal that many calls share', async () => {
    const { repository } = await openOn(url)
    const controller = new AbortController()
    const warnings: Error[] = []
    const onWarning = (warning: Error) => void warnings.push(warning)
    process.on('warning', onWarning)
    onTestFinished(() => void process.off('warning', onWarning))
    for (const _ of numbers(1, 15)) {
      await repository.findPort(web, { signal: controller.signal })
      await repository.listRanges({ signal: controller.signal })
    }
    controller.abort()
    await expectWorking(repository)
    expect(warnings).toEqual([])
  })
})

describe('others that hold what a call needs', () => {
  it.each(SOME_OF_EACH)('all of the connections, make %s BUSY', async (_name, call) => {
    const { pool, repository } = openImpatiently({ max: 1, connectionTimeoutMillis: 400 })
    await repository.listRanges()
    const before = await contents()
    const giveBack = await takeConnection(pool)
    const error = await expectRefusal(call(repository), 'BUSY')
    expect(error.message).toContain('try again')
    giveBack()
    await untilGivenBack(pool)
    expect(await contents()).toEqual(before)
    await call(repository)
    await expectWorking(repository)
  })

  it('all of the connections, make a page of list wait for one', async () => {
    const { pool, repository } = openImpatiently({ max: 1 })
    await repository.listRanges()
    const giveBack = await takeConnection(pool)
    const page = underWay(repository.list({ limit: 1 }))
    // Longer than the two seconds after which Prisma gives up on a transaction in words of its own.
    await sleep(2200)
    giveBack()
    expect((await page).total).toBe(1)
  })

  it.each(CALL_LIST)(
    'its tables, for longer than it may wait, make %s BUSY',
    async (_name, call) => {
      const { repository } = openImpatiently({ lock_timeout: 50 })
      await repository.listRanges()
      const before = await contents()
      const lock = await lockTables()
      await expectRefusal(call(repository), 'BUSY')
      await lock.rollback()
      expect(await contents()).toEqual(before)
      await call(repository)
      await expectWorking(repository)
    },
  )

  it('the last free number make getOrAllocate BUSY until they give it up', async () => {
    const { repository } = await openOn(url)
    await repository.resizeRange('shop', { startPort: 3000, endPort: 3001 })
    const holder = await Session.open(url)
    await holder.begin()
    await holder.query(`select ports.allocate_port('shop', 'holder')`)
    await expectRefusal(repository.getOrAllocate(api), 'BUSY')
    await holder.rollback()
    expect(await repository.getOrAllocate(api)).toBe(3001)
  })

  it.each(['allocate', 'getOrAllocate'] as const)(
    "a service's first place make %s BUSY, and asking again gives the port",
    async (name) => {
      const { repository } = await openOn(url)
      const writer = await Session.open(url)
      await writer.begin()
      await writer.query(
        `insert into ports.port_allocations (project_name, service_name, port_number)
         values ('shop', 'api', 3005)`,
      )
      const refused = underWay(expectRefusal(repository[name](api), 'BUSY'))
      await waitingBackend()
      await writer.commit()
      await refused
      expect(await repository.getOrAllocate(api)).toBe(3005)
      expect((await repository.list({ projectName: 'shop' })).total).toBe(2)
    },
  )

  it('the other one of two ports at most make release and an audit BUSY', async () => {
    const { repository } = openImpatiently({ options: '-c deadlock_timeout=10ms' })
    // The audit locks in the order of the ids, and tcp is the newer one.
    await repository.allocate({ ...api, protocol: 'udp' })
    await repository.allocate(api)
    const { allocations } = await repository.list({ projectName: 'shop' })
    const held = allocations.filter(({ serviceName }) => serviceName === 'api')
    const holder = await Session.open(url)
    await holder.query('begin')
    await holder.query(
      `select
       from ports.port_allocations
       where service_name = 'api' and protocol = 'udp' and status <> 'released'
       for update`,
    )
    const { projectName, serviceName, hostname } = api
    const audit = underWay(
      repository.recordChecks(
        held.map(({ id }) => ({ allocationId: id, verdict: 'listening' as const })),
      ),
    )
    await waitingBackend()
    const release = underWay(repository.release({ projectName, serviceName, hostname }))
    await vi.waitUntil(
      async () => {
        const waiting = await sql(url, `select from pg_locks where not granted`)
        return waiting.length >= 2
      },
      { interval: 10 },
    )
    await holder.rollback()
    for (const call of [audit, release]) {
      await call.catch(async (error) => expectRefusal(Promise.reject(error), 'BUSY'))
    }
    await repository.release({ projectName, serviceName, hostname })
    expect((await repository.list({ projectName: 'shop' })).total).toBe(1)
  })
})

describe('a database that takes no writes', () => {
  it.each(WRITE_LIST)('is unavailable to %s and readable nevertheless', async (_name, call) => {
    const { repository } = openImpatiently({ options: '-c default_transaction_read_only=on' })
    const before = await contents()
    await expectRefusal(call(repository), 'DATABASE_UNAVAILABLE')
    for (const [_read, read] of READ_LIST) await read(repository)
    expect(await contents()).toEqual(before)
  })
})

describe('a database in which a role has no rights', () => {
  const withoutRights = () => `${url}&options=${encodeURIComponent('-c role=pg_monitor')}`

  it.each(DOOR_LIST)('is unavailable to %s', async (_name, door) => {
    await expectRefusal(door(withoutRights()), 'DATABASE_UNAVAILABLE')
  })

  it.each(SOME_OF_EACH)('is unavailable to %s and as it was', async (_name, call) => {
    const { repository } = await openOn(withoutRights())
    const before = await contents()
    await expectRefusal(call(repository), 'DATABASE_UNAVAILABLE')
    expect(await contents()).toEqual(before)
  })
})

describe('a URL that is none', () => {
  const MALFORMED = [
    'ports',
    'localhost:5432/ports',
    '//ports:hunter2@localhost/ports',
    'mysql://ports:hunter2@localhost/ports',
    'http://ports:hunter2@localhost/ports',
    'postgresql//ports:hunter2@localhost/ports',
    'postgresql://ports:hunter2@localhost:65536/ports',
    'postgresql://ports:hunter2@localhost:5432x/ports',
    // Not UTF-8, as a password that was not encoded may look like.
    'postgresql://ports:hunter2%ff@localhost/ports',
  ]

  it.each(
    MALFORMED.flatMap((malformed) =>
      DOOR_LIST.map(([name, door]) => [malformed, name, door] as const),
    ),
  )('%s, is an invalid argument to %s', async (malformed, _name, door) => {
    const error = await expectRefusal(door(malformed), 'INVALID_ARGUMENT')
    expect(error.details).toMatchObject({ field: 'url' })
    expect(error.message).toContain('postgresql://')
  })

  it.each(MALFORMED)('%s, is an invalid argument in the environment', async (malformed) => {
    vi.stubEnv('PORTS_DATABASE_URL', malformed)
    onTestFinished(() => void vi.unstubAllEnvs())
    for (const door of [
      openRepository,
      migrate,
      seed,
      databaseStatus,
      startDatabase,
      stopDatabase,
    ]) {
      const error = await expectRefusal(door(), 'INVALID_ARGUMENT')
      expect(error.details).toMatchObject({ field: 'PORTS_DATABASE_URL' })
    }
  })
})
