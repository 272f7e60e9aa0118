import { sql } from '@ports/testkit/vitest'
import { describe, expect, it } from 'vitest'
import { Session, underWay } from '../sessions.js'
import { CALL_LIST, expectWorking, openOn, url, WRITES, waitingBackend } from './registry.js'

const TABLES = [
  'projects',
  'port_ranges',
  'port_reservations',
  'port_allocations',
  'port_cursors',
  'port_events',
  'port_health_checks',
  'port_limits',
  'port_processes',
  'project_checkouts',
]

describe('a migration that adds a column to each table while a call waits for it', () => {
  it.each(CALL_LIST)('lets %s go on', async (_name, call) => {
    const { repository } = await openOn(url)
    // Prepares what the call has in common with others.
    await repository.listRanges()
    const migration = await Session.open(url)
    await migration.query('begin')
    for (const table of TABLES) {
      await migration.query(`alter table ports.${table} add column later integer`)
    }
    const waiting = underWay(call(repository))
    await waitingBackend()
    await migration.commit()
    await waiting.finally(() =>
      sql(url, TABLES.map((table) => `alter table ports.${table} drop column later`).join(';')),
    )
    await expectWorking(repository)
    expect(await repository.listRanges()).not.toEqual([])
  })

  it.each(['createRange', 'createNextRange', 'addRange', 'resizeRange', 'removeRange'])(
    'lets %s return a range of more columns than when it began',
    async (name) => {
      const { repository } = await openOn(url)
      const migration = await Session.open(url)
      await migration.query('begin; lock table ports.port_ranges in row exclusive mode')
      const waiting = underWay(WRITES[name]!(repository))
      await waitingBackend()
      await migration.query('alter table ports.port_ranges add column later integer')
      await migration.commit()
      await waiting.finally(() => sql(url, 'alter table ports.port_ranges drop column later'))
      await expectWorking(repository)
    },
  )

  it.each(['reserve', 'unreserve'])(
    'lets %s return a reservation of more columns than when it began',
    async (name) => {
      const { repository } = await openOn(url)
      const migration = await Session.open(url)
      await migration.query('begin; lock table ports.port_reservations in row exclusive mode')
      const waiting = underWay(WRITES[name]!(repository))
      await waitingBackend()
      await migration.query('alter table ports.port_reservations add column later integer')
      await migration.commit()
      await waiting.finally(() => sql(url, 'alter table ports.port_reservations drop column later'))
      await expectWorking(repository)
    },
  )
})
