import { faultyProxy, sql } from '@ports/testkit/vitest'
import { describe, expect, it, vi } from 'vitest'
import { Database } from '../../src/Database.js'
import { translate } from '../../src/sqlState.js'
import { noteOwnNetwork } from '../../src/store/checks.js'
import { numbers, underWay } from '../sessions.js'
import {
  api,
  CALL_LIST,
  contents,
  expectRefusal,
  expectUnknown,
  expectWorking,
  lockTables,
  openImpatiently,
  openOn,
  READ_LIST,
  READS,
  SOME_OF_EACH,
  untilIdle,
  url,
  WRITE_LIST,
  WRITES,
  waitingBackend,
  web,
} from './registry.js'

describe('a backend that is terminated during a call', () => {
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
    await Promise.all([repository.getOrAllocate(web), repository.listRanges()])
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

describe('a statement that is cancelled during a call', () => {
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

describe('a connection that is cut during a call', () => {
  async function openThroughProxy() {
    const proxy = await faultyProxy(url)
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

  it('makes the database unavailable to an opener that notes where it runs', async () => {
    const { proxy, pool } = await openThroughProxy()
    for (const fault of ['request', 'answer'] as const) {
      proxy.breakAt(fault)
      const noted = noteOwnNetwork(new Database(pool, true), 'initial')
      await expectRefusal(noted, 'DATABASE_UNAVAILABLE')
    }
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

  it.each(['request', 'answer'] as const)(
    'at the %s of a renewal is made up for by renewing again',
    async (fault) => {
      const { proxy, repository } = await openThroughProxy()
      const renew = WRITES.renew!
      proxy.breakAt(fault)
      await expectUnknown('renew', renew(repository))
      expect(await renew(repository)).toMatchObject([{ portNumber: 3000 }])
      expect((await repository.list({})).allocations).toHaveLength(1)
    },
  )

  it('at the answer of a release by id is made up for by releasing again, which touches no other holding', async () => {
    const { proxy, repository } = await openThroughProxy()
    const release = WRITES['release by id']!
    proxy.breakAt('answer')
    await expectUnknown('release by id', release(repository))
    await untilIdle()
    expect(await repository.getOrAllocate(web)).toBe(3000)
    await expectRefusal(release(repository), 'LEASE_LOST')
    expect((await repository.list({})).allocations).toMatchObject([{ portNumber: 3000 }])
  })

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
