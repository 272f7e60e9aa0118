import { afterEach, describe, expect, it } from 'vitest'
import { Session } from '../sessions.js'
import { allocate, newProject, query, url } from './projects.js'

/** All take a number that has been offered, so that they need no lock on the project for that. */
const WAYS = {
  allocate_port: `select ports.allocate_port($1, 'asking', p_actor => 'ann')`,
  get_or_allocate_port: `select ports.get_or_allocate_port($1, 'asking', p_actor => 'ann')`,
}

afterEach(() => query('delete from ports.port_limits'))

describe('a call without a limit', () => {
  it.each(Object.entries(WAYS))('does not wait for its project: %s', async (_, way) => {
    const project = await newProject()
    const other = await newProject()
    await allocate(project)
    await query(`select ports.set_limit($1, null, 2, null)`, [other.name])
    await query(`select ports.set_limit(null, 'bob*', 2, null)`)
    const locker = await Session.open(url)
    await locker.begin()
    await locker.query('select from ports.projects where name = $1 for update', [project.name])
    const caller = await Session.open(url)
    expect(await caller.query(way, [project.name])).toHaveLength(1)
    await locker.rollback()
  })
})

describe('a limit', () => {
  it('counts a lease that is being renewed at its end', async () => {
    const { name } = await newProject()
    await query('select ports.set_limit($1, null, 1, null)', [name])
    await query(`select ports.ensure_port($1, 'leased', p_ttl => 1)`, [name])
    const renewer = await Session.open(url)
    await renewer.begin()
    await renewer.query(`select ports.renew_ports($1, 'leased', 60)`, [name])
    const hasEnded = `select ends_at <= clock_timestamp() as is_over
      from ports.port_allocations
      where project_name = $1 and service_name = 'leased'`
    while (!(await query(hasEnded, [name]))[0]?.is_over);
    await expect(
      query(`select ports.get_or_allocate_port($1, 'second')`, [name]),
    ).rejects.toMatchObject({ code: 'ZP013' })
    await renewer.rollback()
    expect(await query(`select ports.get_or_allocate_port($1, 'second')`, [name])).toHaveLength(1)
  })
})
