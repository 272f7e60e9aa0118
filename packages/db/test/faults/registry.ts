import { inspect } from 'node:util'
import { type CallOptions, type PortRepository, PortsError, type PortsErrorCode } from '@ports/core'
import { emptyDatabase, sql } from '@ports/testkit/vitest'
import type pg from 'pg'
import type { Pool } from 'pg'
import { beforeAll, beforeEach, expect, onTestFinished, vi } from 'vitest'
import { createRepository } from '../../src/createRepository.js'
import { Database } from '../../src/Database.js'
import { databaseStatus, migrate, openRepository, seed } from '../../src/index.js'
import { openPool } from '../../src/openPool.js'
import { RegistryPool } from '../../src/RegistryPool.js'
import { Session, untilWaiting } from '../sessions.js'

/** Belongs into no message, whatever goes wrong. */
export const PASSWORD = 'hunter2:@/?ß'
export const QUOTED_PASSWORD = encodeURIComponent(PASSWORD)

export const web = {
  projectName: 'shop',
  serviceName: 'web',
  instance: '',
  hostname: 'localhost',
  protocol: 'tcp',
} as const
export const api = { ...web, serviceName: 'api' }

type Call = (store: PortRepository, call?: CallOptions) => Promise<unknown>

export const READS: Readonly<Record<string, Call>> = {
  list: (store, call) => store.list({ projectName: 'shop' }, call),
  'a page of list': (store, call) => store.list({ limit: 1 }, call),
  listResting: (store, call) => store.listResting({ projectName: 'shop' }, call),
  summarize: (store, call) =>
    store.summarize('shop', { hostname: 'localhost', protocol: 'tcp' }, [], call),
  neighbourhood: (store, call) =>
    store.neighbourhood({ projectName: 'shop', hostname: 'localhost', without: [] }, call),
  listHosts: (store, call) => store.listHosts(call),
  listRanges: (store, call) => store.listRanges(call),
  history: (store, call) => store.history({ projectName: 'shop', limit: 10 }, call),
  listReservations: (store, call) => store.listReservations(call),
  listProcesses: (store, call) => store.listProcesses('localhost', call),
  listCheckouts: (store, call) => store.listCheckouts({ projectName: 'shop' }, call),
  listLimits: (store, call) => store.listLimits(call),
  healthOf: (store, call) => store.healthOf([webId], call),
  checksOf: (store, call) => store.checksOf(webId, 10, call),
}

/**
 * Each changes a registry in which shop holds a port for web alone, with a lease, an empty range is
 * left, and 3509 is reserved.
 */
export const WRITES: Readonly<Record<string, Call>> = {
  getOrAllocate: (store, call) => store.getOrAllocate(api, call),
  allocate: (store, call) => store.allocate(web, call),
  release: (store, call) => store.release(web, call),
  'release by id': (store, call) => store.release({ ...web, allocationId: webId }, call),
  renew: (store, call) => store.renew({ ...web, ttlSeconds: 7200 }, call),
  setRest: (store, call) => store.setRest('shop', 90, call),
  move: (store, call) => store.move({ ...web, portNumber: 3005 }, call),
  reserve: (store, call) =>
    store.reserve({ startPort: 3008, endPort: 3009, reason: 'migration' }, call),
  unreserve: (store, call) => store.unreserve({ startPort: 3509, endPort: 3509 }, call),
  update: (store, call) => store.update(web, { description: 'Storefront' }, call),
  updateOnAllHosts: (store, call) =>
    store.updateOnAllHosts(web, { description: 'Storefront' }, call),
  recordChecks: async (store, call) => {
    return store.recordChecks([{ allocationId: webId, verdict: 'listening' }], call)
  },
  recordProcess: (store, call) =>
    store.recordProcess(webId, { pid: 1, started: 'boot/1', directory: '/shop' }, call),
  ensureCheckout: (store, call) =>
    store.ensureCheckout(
      {
        projectName: 'shop',
        hostname: 'localhost',
        directory: '/shop',
        isLinked: false,
        wanted: 'copy',
      },
      call,
    ),
  setLimit: (store, call) => store.setLimit({ projectName: 'shop' }, { maxPorts: 5 }, call),
  createRange: (store, call) =>
    store.createRange({ projectName: 'blog', startPort: 4000, endPort: 4009 }, call),
  createNextRange: (store, call) => store.createNextRange({ projectName: 'blog', size: 10 }, call),
  resizeRange: (store, call) =>
    store.resizeRange('shop', { startPort: 3000, endPort: 3019 }, {}, call),
  claim: (store, call) => store.claim({ ...web, portNumber: 3005 }, call),
  ensureMany: (store, call) =>
    store.ensureMany(
      {
        projectName: 'shop',
        instance: '',
        hostname: 'localhost',
        items: [
          { serviceName: 'rtp', protocols: ['tcp'], count: 3, contiguous: true },
          { serviceName: 'dns', protocols: ['tcp', 'udp'], count: 1, contiguous: false },
        ],
      },
      call,
    ),
  allocateMany: (store, call) => store.allocateMany({ ...web, count: 2, contiguous: false }, call),
  addRange: (store, call) =>
    store.addRange({ projectName: 'shop', startPort: 4000, endPort: 4009 }, call),
  removeRange: (store, call) => store.removeRange('empty', { from: 3500 }, call),
  deleteRange: (store, call) => store.deleteRange('empty', call),
  deleteRanges: (store, call) => store.deleteRanges(['empty'], call),
}

export const CALLS = { ...READS, ...WRITES }
export const READ_LIST = Object.entries(READS)
export const WRITE_LIST = Object.entries(WRITES)
export const CALL_LIST = Object.entries(CALLS)

/** For what takes its time: reads and writes, prepared and of Prisma, alone and in a transaction. */
export const SOME_OF_EACH = CALL_LIST.filter(([name]) =>
  ['summarize', 'a page of list', 'listRanges', 'allocate', 'update', 'createRange'].includes(name),
)

// Each test file that imports this runs the hooks below, and so has a database of its own.
export let url: string
let webId: string

beforeAll(async () => {
  url = await emptyDatabase()
})

beforeEach(async () => {
  await sql(
    url,
    `set session_replication_role = replica;
     delete from ports.port_health_checks;
     delete from ports.port_processes;
     delete from ports.project_checkouts;
     delete from ports.port_limits;
     delete from ports.limit_uses;
     delete from ports.port_allocations;
     delete from ports.port_cursors;
     delete from ports.port_reservations;
     delete from ports.port_ranges;
     delete from ports.projects;
     delete from ports.port_events;
     set session_replication_role = origin;
     select ports.create_range('shop', 3000, 3009), ports.create_range('empty', 3500, 3509);
     select ports.reserve_ports(3509, 3509, 'migration');
     select ports.allocate_port('shop', 'web', p_ttl => 3600)`,
  )
  const [row] = await sql<{ id: string }>(
    url,
    `select id from ports.port_allocations where service_name = 'web'`,
  )
  webId = row!.id
})

/** All that there is to know of a registry. */
export async function contents(databaseUrl = url) {
  const [all] = await sql(
    databaseUrl,
    `select
       (select json_agg(row order by name) from ports.projects as row) as projects,
       (select json_agg(row order by start_port) from ports.port_ranges as row) as ranges,
       (select json_agg(row order by project_name) from ports.port_cursors as row) as cursors,
       (select json_agg(row order by id) from ports.port_reservations as row) as reservations,
       (select json_agg(row order by port_number, id) from ports.port_allocations as row) as slots,
       (select json_agg(row order by id) from ports.port_health_checks as row) as checks,
       (select json_agg(row order by allocation_id) from ports.port_processes as row) as processes,
       (select json_agg(row order by directory) from ports.project_checkouts as row) as checkouts,
       (select json_agg(row order by id) from ports.port_limits as row) as limits,
       (select json_agg(row order by id) from ports.port_events as row) as events`,
  )
  return all!
}

/** A repository on a pool that the test can look into. */
export async function openOn(databaseUrl: string) {
  const pool = await openPool({ url: databaseUrl })
  return withPool(pool)
}

function withPool(pool: Pool) {
  const repository = createRepository(new Database(pool, true), { servesOneHost: false })
  onTestFinished(() => repository.close())
  return { pool, repository }
}

/** On a pool whose patience is short. */
export function openImpatiently(config: pg.PoolConfig) {
  return withPool(new RegistryPool({ connectionString: url, application_name: 'ports', ...config }))
}

const SQL =
  /\bselect\b.+\bfrom\b|\binsert into\b|\bupdate\b.+\bset\b|\bdelete from\b|\$\d|ports"?\.\w/is

/** What a call is rejected with: a PortsError that tells neither SQL nor secrets. */
export async function refusal(call: Promise<unknown>): Promise<PortsError> {
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

export async function expectRefusal(
  call: Promise<unknown>,
  code: PortsErrorCode,
): Promise<PortsError> {
  const error = await refusal(call)
  expect(error.code, error.message).toBe(code)
  return error
}

/** How to find out what became of a write. */
const RESOLVED_BY: Readonly<Record<string, RegExp>> = {
  getOrAllocate: /Ask again/,
  allocate: /list the ports of shop/,
  release: /Release it again/,
  'release by id': /Release it again/,
  renew: /Renew it again/,
  setRest: /Set it again/,
  move: /Move it again/,
  reserve: /Ask again/,
  unreserve: /Ask again/,
  update: /Update it again/,
  updateOnAllHosts: /Update it again/,
  recordChecks: /Audit again/,
  createRange: /list the ranges/,
  createNextRange: /list the ranges/,
  resizeRange: /list the ranges/,
  claim: /Claim it again/,
  ensureMany: /Ask again/,
  allocateMany: /list the ports of shop/,
  addRange: /list the ranges/,
  removeRange: /list the ranges/,
  deleteRange: /list the ranges/,
  deleteRanges: /list the ranges/,
}

export async function expectUnknown(name: string, call: Promise<unknown>): Promise<PortsError> {
  const error = await expectRefusal(call, 'OUTCOME_UNKNOWN')
  expect(error.message).toMatch(RESOLVED_BY[name]!)
  return error
}

/**
 * Whatever happened, the repository goes on: it reads and writes, both ways, and what it acknowledges
 * is there for others too.
 */
export async function expectWorking(repository: PortRepository, databaseUrl = url) {
  const later = { ...web, serviceName: 'later' }
  const portNumber = await repository.getOrAllocate(later)
  const seen = await sql(
    databaseUrl,
    `select port_number
     from ports.port_allocations
     where service_name = 'later' and status <> 'released'`,
  )
  expect(seen, 'what others see of an acknowledged port').toEqual([{ port_number: portNumber }])
  expect(await repository.getOrAllocate(later)).toBe(portNumber)
  expect(await repository.update(later, { description: 'After all' })).toBe(true)
  expect((await repository.list({ limit: 100 })).allocations).toContainEqual(
    expect.objectContaining({ portNumber, description: 'After all' }),
  )
}

/** Nobody else gets at the tables until the session's transaction ends. */
export async function lockTables(): Promise<Session> {
  const session = await Session.open(url)
  await session.query('begin')
  await session.query(
    `lock table ports.port_ranges, ports.port_reservations, ports.port_allocations,
       ports.port_health_checks, ports.port_processes, ports.project_checkouts, ports.port_limits,
       ports.port_events in access exclusive mode`,
  )
  return session
}

/** The backend of a repository's call that waits for a lock. */
export function waitingBackend(): Promise<number> {
  return untilWaiting(url, 'application_name = $1', 'ports')
}

/** Until no call is under way, of a repository that may have lost sight of it. */
export async function untilIdle() {
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
export async function takeConnection(pool: Pool): Promise<() => void> {
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
export async function untilGivenBack(pool: Pool): Promise<void> {
  await pool.query('select')
}

/** Every way into a database of one's own. */
export const ENTRY_POINTS = {
  openRepository: (databaseUrl: string) => openRepository({ url: databaseUrl }),
  migrate: (databaseUrl: string) => migrate({ url: databaseUrl }),
  seed: (databaseUrl: string) => seed({ url: databaseUrl }),
  databaseStatus: (databaseUrl: string) => databaseStatus({ url: databaseUrl }),
}
export const ENTRY_POINT_LIST = Object.entries(ENTRY_POINTS)
