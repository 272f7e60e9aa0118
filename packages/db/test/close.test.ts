import { PortManager } from '@ports/core'
import { emptyDatabase, sql } from '@ports/testkit/vitest'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { openRepository } from '../src/index.js'
import { numbers, Session, untilWaiting } from './sessions.js'

/** More than a process runs at a time for one project, and more than share a transaction. */
const CALLS = 80

let url: string
let ports: PortManager

beforeEach(async () => {
  url = await emptyDatabase()
  ports = new PortManager(await openRepository({ url }))
  onTestFinished(() => ports.close())
  await ports.createRange({ projectName: 'shop', startPort: 4000, endPort: 4999 })
})

/** Locks the project, so that calls that write in it wait. */
async function lockProject(): Promise<Session> {
  const holder = await Session.open(url)
  await holder.query('begin')
  await holder.query(`select from ports.projects where name = 'shop' for update`)
  return holder
}

function untilConnections(count: number): Promise<unknown> {
  return vi.waitUntil(
    async () => {
      const connections = await sql(
        url,
        `select
         from pg_stat_activity
         where datname = current_database() and application_name = 'ports'`,
      )
      return connections.length === count
    },
    { interval: 10, timeout: 10_000 },
  )
}

/** What each call of the manager is, by how many of them wait for a connection or for their turn. */
const CALLS_UNDER_WAY: Readonly<Record<string, (nth: number) => Promise<unknown>>> = {
  'that share transactions': (nth) => ports.allocate('shop', `service-${nth}`),
  'that wait for their turn': (nth) => ports.getOrAllocate('shop', `service-${nth}`),
  'of many kinds': (nth) =>
    [
      () => ports.allocate('shop', `service-${nth}`),
      () => ports.getOrAllocate('shop', `service-${nth}`),
      () => ports.release('shop', `service-${nth}`),
      () => ports.listAll(),
      () => ports.getProjectSummary('shop'),
      () => ports.history({ limit: 10 }),
      () => ports.auditPorts(),
      () => ports.createRange({ projectName: `project-${nth}`, size: 10 }),
    ][nth % 8]!(),
}

describe('close', () => {
  it.each(Object.entries(CALLS_UNDER_WAY))('lets calls end %s', async (_kind, call) => {
    const holder = await lockProject()
    const outcomes = Promise.allSettled(numbers(1, CALLS).map(call))
    await untilWaiting(url, 'application_name = $1', 'ports')
    const closing = ports.close()
    await holder.rollback()
    const refused = (await outcomes).flatMap((each) =>
      each.status === 'rejected' ? [each.reason] : [],
    )
    expect(refused).toEqual([])
    await closing
    await untilConnections(0)
  })

  it('keeps what the calls under way were told', async () => {
    const holder = await lockProject()
    const given = numbers(1, CALLS).map((nth) => ports.allocate('shop', `service-${nth}`))
    await untilWaiting(url, 'application_name = $1', 'ports')
    const closing = ports.close()
    await holder.rollback()
    expect((await Promise.all(given)).toSorted()).toEqual(numbers(4000, 3999 + CALLS))
    await closing
    const [held] = await sql<{ count: number }>(
      url,
      'select count(*)::integer as count from ports.allocations',
    )
    expect(held!.count).toBe(CALLS)
  })

  it('does not end before the calls under way have', async () => {
    const holder = await lockProject()
    const ended: string[] = []
    const given = ports.allocate('shop', 'web').then(() => ended.push('call'))
    await untilWaiting(url, 'application_name = $1', 'ports')
    const closing = ports.close().then(() => ended.push('close'))
    const again = ports.close().then(() => ended.push('close'))
    await holder.rollback()
    await Promise.all([given, closing, again])
    expect(ended).toEqual(['call', 'close', 'close'])
  })

  it('waits for a call that others kept BUSY, until its last attempt', async () => {
    const holder = await Session.open(url)
    await ports.resizeRange('shop', { startPort: 4000, endPort: 4000 })
    await holder.begin()
    await holder.query(`select ports.allocate_port('shop', 'holder')`)
    const given = ports.getOrAllocate('shop', 'web')
    // The first attempt does not wait for the last free number.
    const closing = ports.close()
    await holder.rollback()
    expect(await given).toBe(4000)
    await closing
  })

  it('leaves no connection behind after a call was aborted', async () => {
    const holder = await lockProject()
    const controller = new AbortController()
    const { signal } = controller
    const calls = numbers(1, 20).map((nth) => ports.allocate('shop', `service-${nth}`, { signal }))
    const outcomes = Promise.allSettled(calls)
    await untilWaiting(url, 'application_name = $1', 'ports')
    controller.abort(new Error('No longer wanted'))
    const closing = ports.close()
    await outcomes
    await holder.rollback()
    await closing
    await untilConnections(0)
  })

  it('may be called twice, and again', async () => {
    await Promise.all([ports.close(), ports.close()])
    await ports.close()
    await untilConnections(0)
  })
})

describe('a call after close', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['getOrAllocate', () => ports.getOrAllocate('shop', 'web')],
    ['allocate', () => ports.allocate('shop', 'web')],
    ['release', () => ports.release('shop', 'web')],
    ['updatePort', () => ports.updatePort('shop', 'web', { description: 'x' })],
    ['listByProject', () => ports.listByProject('shop')],
    ['listAll', () => ports.listAll()],
    ['listPage', () => ports.listPage({ limit: 1 })],
    ['getProjectSummary', () => ports.getProjectSummary('shop')],
    ['verifyPort', () => ports.verifyPort(4000)],
    ['auditPorts', () => ports.auditPorts()],
    ['listRanges', () => ports.listRanges()],
    ['createRange', () => ports.createRange({ projectName: 'blog', size: 10 })],
    ['resizeRange', () => ports.resizeRange('shop', { startPort: 4000, endPort: 4001 })],
    ['deleteRange', () => ports.deleteRange('shop')],
    ['history', () => ports.history({ limit: 1 })],
  ])('of %s is refused with an error that says so', async (_method, call) => {
    const closing = ports.close()
    const refusal = {
      name: 'PortsError',
      code: 'DATABASE_UNAVAILABLE',
      message: 'This PortManager was closed. Nothing was changed. Create another one to continue.',
    }
    await expect(call()).rejects.toMatchObject(refusal)
    await closing
    await expect(call()).rejects.toMatchObject(refusal)
  })
})
