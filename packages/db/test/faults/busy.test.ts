import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from '@ports/testkit/vitest'
import { describe, expect, it, vi } from 'vitest'
import { Session, underWay } from '../sessions.js'
import {
  api,
  CALL_LIST,
  CALLS,
  contents,
  expectRefusal,
  expectWorking,
  lockTables,
  openImpatiently,
  openOn,
  SOME_OF_EACH,
  takeConnection,
  untilGivenBack,
  untilIdle,
  url,
  waitingBackend,
} from './registry.js'

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

  it('its tables, for longer than it may wait, make each call BUSY, and the error names them', async () => {
    const { repository } = openImpatiently({ max: CALL_LIST.length, lock_timeout: 2000 })
    await repository.listRanges()
    const before = await contents()
    const lock = await lockTables()
    // The functions have their own limit, which is longer.
    const errors = await Promise.all(
      CALL_LIST.map(([_name, call]) => expectRefusal(call(repository), 'BUSY')),
    )
    await lock.rollback()
    const holders = errors.filter(({ details }) =>
      (details.holders as { pid: number }[] | undefined)?.some(({ pid }) => pid === lock.pid),
    )
    expect(holders.length).toBeGreaterThan(0)
    for (const { message } of holders) expect(message).toContain(`rocess ${lock.pid} (`)
    await untilIdle()
    expect(await contents()).toEqual(before)
    await expectWorking(repository)
  })

  it.each([
    ['release', `select from ports.port_allocations where service_name = 'web' for update`],
    ['resizeRange', `select from ports.projects where name = 'shop' for update`],
  ] as const)(
    'its lock, are named by a BUSY %s, and others that wait for the lock are not',
    async (name, lock) => {
      const { repository } = await openOn(url)
      const [holder, ...others] = await Promise.all([1, 2, 3].map(() => Session.open(url)))
      await holder!.begin()
      await holder!.query(lock)
      const waiting: Promise<unknown>[] = []
      for (const other of others) {
        waiting.push(other.query(lock))
        await other.waiting()
      }
      const error = await expectRefusal(CALLS[name]!(repository), 'BUSY')
      expect(error.details).toMatchObject({ holders: [{ pid: holder!.pid }] })
      expect(error.message).toContain(`rocess ${holder!.pid} (`)
      await holder!.rollback()
      await Promise.all(waiting)
    },
  )

  it.for(CALL_LIST)(
    'its tables, for longer than a transaction may last, make %s BUSY',
    async ([_name, call], { skip }) => {
      const [server] = await sql<{ version: number }>(
        url,
        `select current_setting('server_version_num')::integer as version`,
      )
      skip(server!.version < 170_000, 'transaction_timeout came with PostgreSQL 17')
      const { repository } = openImpatiently({ options: '-c transaction_timeout=100' })
      await repository.listRanges()
      const before = await contents()
      const lock = await lockTables()
      await expectRefusal(call(repository), 'BUSY')
      await lock.rollback()
      expect(await contents()).toEqual(before)
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

  it.each([
    ['allocate', 3002],
    ['getOrAllocate', 3001],
  ] as const)("a service's first place make %s wait for it", async (name, expected) => {
    const { repository } = await openOn(url)
    const other = await Session.open(url)
    await other.begin()
    expect(await other.value(`select ports.allocate_port('shop', 'api')`)).toBe(3001)
    const given = repository[name](api)
    await waitingBackend()
    await other.commit()
    expect(await given).toBe(expected)
    expect(await repository.getOrAllocate(api)).toBe(3001)
  })

  it('one of two ports make an audit and a release wait, and not for each other', async () => {
    const { repository } = openImpatiently({ options: '-c deadlock_timeout=10ms' })
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
    const { projectName, serviceName, instance, hostname } = api
    const audit = underWay(
      repository.recordChecks(
        held.map(({ id }) => ({ allocationId: id, verdict: 'listening' as const })),
      ),
    )
    await waitingBackend()
    const release = underWay(repository.release({ projectName, serviceName, instance, hostname }))
    await vi.waitUntil(
      async () => {
        const waiting = await sql(
          url,
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
        return waiting.length >= 2
      },
      { interval: 10 },
    )
    await holder.rollback()
    await audit
    expect(await release).toHaveLength(2)
  })
})
