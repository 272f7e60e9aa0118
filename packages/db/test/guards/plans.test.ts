import { describe, expect, it } from 'vitest'
import { Session } from '../sessions.js'
import { newProject, query, url } from './projects.js'

const SERVICES = 200

// The planner takes an index that was empty at the last ANALYZE for as cheap as any other. A search
// of a service then reads every live row of its scope, if a plan may do so.
describe('in a registry that was analysed while nothing was held', () => {
  it.each([
    ['get_or_allocate_port', `ports.get_or_allocate_port($1, 'service-150')`],
    ['allocate_port', `ports.allocate_port($1, 'service-150')`],
    ['update_ports', `ports.update_ports($1, 'service-150', '{"description": "new"}')`],
    ['release_ports', `ports.release_ports($1, 'service-150')`],
    [
      'release_many',
      `ports.release_many(
         array[$1], array['service-150'], array['localhost'], array['tcp'], array[null::integer],
         array[''], array['me']
       )`,
    ],
  ])('%s reads a few rows, however many are held', async (_name, call) => {
    const project = await newProject(300)
    const allocateAll = `
      select ports.allocate_port($1, 'service-' || n)
      from generate_series(1, ${SERVICES}) as n`
    await query(allocateAll, [project.name])
    await query(
      `select ports.release_ports($1, 'service-' || n)
      from generate_series(1, ${SERVICES}) as n`,
      [project.name],
    )
    await query('vacuum analyze ports.port_allocations')
    await query(allocateAll, [project.name])

    // A new session, so that no plan is older than the statistics.
    const session = await Session.open(url)
    await session.begin()
    await session.query(`select ${call}`, [project.name])
    const [read] = await session.query<{ rows: string }>(
      `select seq_tup_read + idx_tup_fetch as rows
       from pg_stat_xact_user_tables
       where relname = 'port_allocations'`,
    )
    await session.rollback()
    expect(Number(read!.rows)).toBeLessThan(20)
  })
})
