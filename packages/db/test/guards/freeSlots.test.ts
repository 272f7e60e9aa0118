import { describe, expect, it } from 'vitest'
import { ISOLATION_LEVELS, numbers } from '../sessions.js'
import {
  allocate,
  at,
  drain,
  HERE,
  livePorts,
  newProject,
  offerNumbers,
  query,
  RESIZE,
  STORE_FREE,
} from './projects.js'

describe.each(ISOLATION_LEVELS)('at %s', (level) => {
  it('a slot that is stored far above what was offered leaves no gap', async () => {
    const project = await newProject(300)
    await at(level, STORE_FREE, [project.name, project.end - 1, ...HERE])
    expect(await query('select ports.find_available_port($1) as port', [project.name])).toEqual([
      { port: project.start },
    ])
    expect(await drain(project)).toEqual(numbers(project.start, project.end))
  })

  it.each(['free', 'held'])('a second slot for a number that is %s is refused', async (status) => {
    const project = await newProject()
    const first = await allocate(project)
    const port = status === 'held' ? first : first + 1
    await expect(at(level, STORE_FREE, [project.name, port, ...HERE])).rejects.toMatchObject({
      code: '23505',
      message: expect.stringContaining(`port ${port} of ${project.name} has a row already`),
    })
    expect(await drain(project)).toEqual(numbers(first + 1, project.end))
  })

  it('slots that are deleted are offered again', async () => {
    const project = await newProject(140)
    for (const _ of numbers(1, 20)) await allocate(project)
    await query('select ports.release_port($1, $2, $3, $4, $5)', [
      ...[project.name, 'web', ...HERE],
      project.start + 2,
    ])
    await at(
      level,
      `delete from ports.port_allocations
       where project_name = $1 and port_number in ($2, $3)`,
      // One that was held, and one that was offered and never held.
      [project.name, project.start + 2, project.start + 25],
    )
    expect(await drain(project)).toEqual([
      project.start + 2,
      ...numbers(project.start + 20, project.end),
    ])
  })

  it('deleting every slot of a project offers every number again', async () => {
    const project = await newProject(140)
    const scopes = [HERE, ['alpha', 'udp']]
    for (const scope of scopes) {
      for (const _ of numbers(1, 3)) await allocate(project, 'web', scope)
    }
    for (const hostname of ['localhost', 'alpha']) {
      await query('select ports.release_ports($1, $2, $3)', [project.name, 'web', hostname])
    }
    await at(level, 'delete from ports.port_allocations where project_name = $1', [project.name])
    for (const scope of scopes) {
      expect(await drain(project, scope)).toEqual(numbers(project.start, project.end))
    }
  })

  it('a status that is set manually frees the number', async () => {
    const project = await newProject(3)
    for (const _ of numbers(1, 3)) await allocate(project)
    await at(
      level,
      `update ports.port_allocations
       set status = 'released'
       where project_name = $1 and port_number = $2`,
      [project.name, project.start + 1],
    )
    expect(await livePorts(project)).toEqual([project.start, project.end])
    expect(await drain(project)).toEqual([project.start + 1])
  })

  it('a range that is widened below offers the lower numbers first, in every scope', async () => {
    const project = await newProject(140)
    const scopes = [HERE, ['localhost', 'udp'], ['alpha', 'tcp']]
    for (const scope of scopes) await allocate(project, 'web', scope)
    // One with nothing but free slots, and one with all its numbers held.
    await query('select ports.release_port($1, $2, $3)', [project.name, 'web', 'alpha'])
    await drain(project, ['localhost', 'udp'])
    await at(level, RESIZE, [project.name, project.start - 5, project.end])
    for (const scope of [...scopes, ['unused', 'tcp']]) {
      expect(await allocate(project, 'api', scope)).toBe(project.start - 5)
    }
    expect(await drain(project)).toEqual([
      ...numbers(project.start - 4, project.start - 1),
      ...numbers(project.start + 1, project.end),
    ])
    expect(await drain(project, ['localhost', 'udp'])).toEqual(
      numbers(project.start - 4, project.start - 1),
    )
    expect(await drain(project, ['alpha', 'tcp'])).toEqual(numbers(project.start - 4, project.end))
  })

  it('a range that is narrowed drops its free slots outside, and they stay away', async () => {
    const project = await newProject(140)
    for (const _ of numbers(1, 11)) await allocate(project)
    for (const port of numbers(project.start, project.start + 9)) {
      await query('select ports.release_port($1, $2, p_port_number => $3)', [
        ...[project.name, 'web', port],
      ])
    }
    await at(level, RESIZE, [project.name, project.start + 5, project.start + 15])
    expect(await drain(project)).toEqual(
      numbers(project.start + 5, project.start + 15).filter((port) => port !== project.start + 10),
    )
  })

  it('a range that moves away from its numbers starts anew', async () => {
    const project = await newProject(10)
    await offerNumbers(project)
    await at(level, RESIZE, [project.name, project.start + 200, project.start + 203])
    expect(await drain(project)).toEqual(numbers(project.start + 200, project.start + 203))
  })

  it('a range that moves down starts anew at its new start', async () => {
    const project = await newProject(10)
    await query(RESIZE, [project.name, project.start + 200, project.start + 209])
    await offerNumbers(project)
    await at(level, RESIZE, [project.name, project.start, project.start + 3])
    expect(await drain(project)).toEqual(numbers(project.start, project.start + 3))
  })
})
