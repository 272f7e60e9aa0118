import type { PortRepository } from '@ports/core'
import { faultyProxy, sql } from '@ports/testkit/vitest'
import { expect, it } from 'vitest'
import { numbers } from '../../../core/testing/shop.js'
import { Session, underWay } from '../sessions.js'
import {
  expectRefusal,
  expectWorking,
  lockTables,
  openOn,
  untilIdle,
  url,
  waitingBackend,
  web,
} from './registry.js'

const crowd = { ...web, projectName: 'crowd' }

async function openCrowd(endPort = 4999): Promise<PortRepository> {
  const { repository } = await openOn(url)
  await repository.createRange({ projectName: 'crowd', startPort: 4000, endPort })
  return repository
}

function service(nth: number) {
  return { ...crowd, serviceName: `service-${nth}` }
}

/** now() is the start of a transaction. */
async function transactions(): Promise<number> {
  const [row] = await sql<{ count: number }>(
    url,
    `select count(distinct allocated_at)::integer as count
     from ports.port_allocations
     where project_name = 'crowd'
       and status <> 'released'`,
  )
  return row!.count
}

it('calls of one process at the same time share a transaction', async () => {
  const repository = await openCrowd()
  const ports = await Promise.all(numbers(1, 64).map((nth) => repository.allocate(service(nth))))
  expect(ports.toSorted()).toEqual(numbers(4000, 4063))
  expect(await transactions()).toBe(2)

  const released = await Promise.all(numbers(33, 96).map((nth) => repository.release(service(nth))))
  expect(
    released
      .slice(0, 32)
      .flat()
      .map(({ portNumber }) => portNumber)
      .toSorted(),
  ).toEqual(numbers(4032, 4063))
  expect(released.slice(32).flat()).toEqual([])
  expect((await repository.list({ projectName: 'crowd' })).total).toBe(32)
})

it('the same service several times among them has as many ports', async () => {
  const repository = await openCrowd()
  const ports = await Promise.all(numbers(1, 20).map(() => repository.allocate(crowd)))
  expect(ports).toEqual(numbers(4000, 4019))
  expect(await repository.getOrAllocate(crowd)).toBe(4000)
})

it('each of them has its own error', async () => {
  const repository = await openCrowd(4009)
  const outcomes = await Promise.allSettled([
    ...numbers(1, 20).map((nth) => repository.allocate(service(nth))),
    repository.allocate({ ...crowd, projectName: 'ghost' }),
    repository.allocate(web),
  ])
  const codes = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason.code] : []))
  expect(codes.toSorted()).toEqual(['PROJECT_NOT_FOUND', ...Array(10).fill('RANGE_EXHAUSTED')])
  expect((await repository.list({ projectName: 'crowd' })).total).toBe(10)
  expect((await repository.list({ projectName: 'shop' })).total).toBe(2)
})

it('one that is aborted while it waits for the others changes nothing', async () => {
  const repository = await openCrowd()
  const lock = await lockTables()
  const before = numbers(1, 3).map((nth) => underWay(repository.allocate(service(nth))))
  await waitingBackend()
  const more = underWay(repository.allocate(service(4)))
  await waitingBackend()

  const controller = new AbortController()
  const { signal } = controller
  const given = underWay(repository.allocate(service(5), { signal }))
  const other = repository.allocate(service(6))
  await Promise.resolve()
  const reason = new Error('No longer wanted')
  controller.abort(reason)
  await expect(given).rejects.toBe(reason)

  await lock.rollback()
  await Promise.all([...before, more, other])
  expect((await repository.list({ projectName: 'crowd' })).total).toBe(5)
})

it('one that is aborted in the middle of a shared transaction does not know', async () => {
  const repository = await openCrowd()
  const lock = await lockTables()
  const controller = new AbortController()
  const aborted = underWay(repository.allocate(service(1), { signal: controller.signal }))
  const other = repository.allocate(service(2))
  await waitingBackend()
  controller.abort(new Error('No longer wanted'))
  expect((await expectRefusal(aborted, 'OUTCOME_UNKNOWN')).message).toContain(
    'list the ports of crowd',
  )
  await lock.rollback()
  expect([4000, 4001]).toContain(await other)
  await untilIdle()
  await expectWorking(repository)
})

it('a lost connection leaves each of them unknown, and says to each how to find out', async () => {
  const proxy = await faultyProxy(url)
  const { repository } = await openOn(proxy.url)
  await repository.createRange({ projectName: 'crowd', startPort: 4000, endPort: 4999 })
  await repository.release(web)

  proxy.breakAt('answer')
  const outcomes = await Promise.allSettled([1, 2].map((nth) => repository.allocate(service(nth))))
  const messages = outcomes.map((each) => (each.status === 'rejected' ? each.reason.message : ''))
  expect(messages).toEqual([1, 2].map(() => expect.stringContaining('list the ports of crowd.')))
  await untilIdle()
  expect((await repository.list({})).total).toBe(2)
  await expectWorking(repository)
})

it('calls of two projects share no transaction, and none waits for the other project', async () => {
  const repository = await openCrowd()
  const holder = await Session.open(url)
  await holder.begin()
  await holder.query(`update ports.projects set settings = settings where name = 'crowd'`)
  const stuck = numbers(1, 12).map((nth) => underWay(repository.allocate(service(nth))))
  await waitingBackend()
  expect(await repository.allocate(web)).toBe(3001)
  expect(await repository.release(web)).toHaveLength(2)
  await holder.rollback()
  expect((await Promise.all(stuck)).toSorted()).toEqual(numbers(4000, 4011))
})

it('two programs with the same services never wait for each other', async () => {
  const [one, other] = [await openCrowd(), (await openOn(url)).repository]
  for (const _ of numbers(1, 30)) {
    const services = numbers(1, 16)
    await Promise.all([
      ...services.map((nth) => one.allocate(service(nth))),
      ...services.toReversed().map((nth) => other.allocate(service(nth))),
    ])
    await Promise.all([
      ...services.map((nth) => one.release(service(nth))),
      ...services.toReversed().map((nth) => other.release(service(nth))),
    ])
  }
  expect((await one.list({ projectName: 'crowd' })).total).toBe(0)
  // PostgreSQL 14 does not have it, and its statistics come by themselves.
  await sql(url, 'select pg_stat_force_next_flush()').catch(() => {})
  const [row] = await sql<{ deadlocks: string }>(
    url,
    'select deadlocks from pg_stat_database where datname = current_database()',
  )
  expect(row!.deadlocks).toBe('0')
})
