import { afterEach, describe, expect, it } from 'vitest'
import { Session } from '../sessions.js'
import { allocate, newProject, query, url } from './projects.js'

/** All take a number that has been offered, so that they need no lock on the project for that. */
const WAYS = {
  allocate_port: `select ports.allocate_port($1, 'asking', p_actor => 'ann')`,
  get_or_allocate_port: `select ports.get_or_allocate_port($1, 'asking', p_actor => 'ann')`,
}

afterEach(() => query('delete from ports.port_limits'))

describe('a call that no limit is for', () => {
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
