import { describe, expect, it } from 'vitest'
import { ending, ISOLATION_LEVELS, numbers } from '../sessions.js'
import {
  ALLOCATE,
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
  STORE_LIVE,
} from './projects.js'

describe.each(ISOLATION_LEVELS)('at %s', (level) => {
  it('a live row that is stored by hand takes the place of the free slot', async () => {
    const project = await newProject(4)
    const first = await allocate(project)
    await at(level, STORE_LIVE, [project.name, first + 1, ...HERE])
    expect(await query('select ports.find_available_port($1) as port', [project.name])).toEqual([
      { port: first + 2 },
    ])
    expect(await drain(project)).toEqual([first + 2, first + 3])
    expect(await livePorts(project)).toEqual(numbers(project.start, project.end))
  })

  it('a row that is stored far above what was offered leaves no gap', async () => {
    const project = await newProject(300)
    const held = project.end - 1
    await at(level, STORE_LIVE, [project.name, held, ...HERE])
    expect(await query('select ports.find_available_port($1) as port', [project.name])).toEqual([
      { port: project.start },
    ])
    expect(await drain(project)).toEqual([...numbers(project.start, held - 1), project.end])
  })

  it.each([
    ['far above it', [200, 250]],
    // 128 numbers are offered at a time, so this one follows what is there without a gap.
    ['above one that follows it', [128, 250]],
    ['in one statement with a lower one', [250, 5]],
  ])('no gap comes about above what was offered already, %s', async (_where, offsets) => {
    const project = await newProject(300)
    const first = await allocate(project)
    const held = offsets.map((offset) => project.start + offset)
    await at(
      level,
      `insert into ports.port_allocations (project_name, service_name, port_number)
       select $1, 'by-hand', unnest($2::int[])`,
      [project.name, held],
    )
    expect(await drain(project)).toEqual(
      numbers(first + 1, project.end).filter((port) => !held.includes(port)),
    )
  })

  it('a free slot that is stored by hand leaves no gap and gives no number twice', async () => {
    const project = await newProject(20)
    const first = await allocate(project)
    await at(level, STORE_FREE, [project.name, first + 1, ...HERE])
    await at(level, STORE_FREE, [project.name, project.end, ...HERE])
    await at(level, STORE_FREE, [project.name, first, ...HERE])
    expect(await drain(project)).toEqual(numbers(first + 1, project.end))
  })

  it('rows that are deleted by hand free their numbers and lose none', async () => {
    const project = await newProject(140)
    for (const _ of numbers(1, 5)) await allocate(project)
    await query('select ports.release_port($1, $2, $3, $4, $5)', [
      ...[project.name, 'web', ...HERE],
      project.start + 2,
    ])
    await at(
      level,
      `delete from ports.port_allocations
       where project_name = $1 and port_number in ($2, $3, $4)`,
      // A held one, a released one, and one that was offered and never held.
      [project.name, project.start + 1, project.start + 2, project.start + 100],
    )
    expect(await livePorts(project)).toEqual([0, 3, 4].map((nth) => project.start + nth))
    expect(await drain(project)).toEqual([
      ...[1, 2].map((nth) => project.start + nth),
      ...numbers(project.start + 5, project.end),
    ])
  })

  it('deleting every row of a project by hand frees every number', async () => {
    const project = await newProject(140)
    for (const scope of [HERE, ['alpha', 'udp']]) {
      for (const _ of numbers(1, 3)) await allocate(project, 'web', scope)
    }
    await at(level, 'delete from ports.port_allocations where project_name = $1', [project.name])
    expect(await livePorts(project)).toEqual([])
    for (const scope of [HERE, ['alpha', 'udp']]) {
      expect(await drain(project, scope)).toEqual(numbers(project.start, project.end))
    }
  })

  it('a status that is set by hand frees the number', async () => {
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
    // One with nothing but free slots, and one with all its numbers held or offered.
    await query('select ports.release_port($1, $2, $3)', [project.name, 'web', 'alpha'])
    await query(STORE_LIVE, [project.name, project.end, 'localhost', 'udp'])
    await at(level, RESIZE, [project.name, project.start - 5, project.end])
    for (const scope of [...scopes, ['unused', 'tcp']]) {
      expect(await allocate(project, 'api', scope)).toBe(project.start - 5)
    }
    expect(await drain(project)).toEqual([
      ...numbers(project.start - 4, project.start - 1),
      ...numbers(project.start + 1, project.end),
    ])
    expect(await drain(project, ['localhost', 'udp'])).toEqual([
      ...numbers(project.start - 4, project.start - 1),
      ...numbers(project.start + 1, project.end - 1),
    ])
    expect(await drain(project, ['alpha', 'tcp'])).toEqual(numbers(project.start - 4, project.end))
  })

  it('a range that is narrowed drops its free slots outside, and they stay away', async () => {
    const project = await newProject(140)
    await offerNumbers(project)
    await query(STORE_LIVE, [project.name, project.start + 10, ...HERE])
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

  it('a caller that repeats gets past a slot whose number is held', async () => {
    const project = await newProject(3)
    const taken = await allocate(project)
    await query(STORE_FREE, [project.name, taken, ...HERE])
    expect(await query('select ports.find_available_port($1) as port', [project.name])).toEqual([
      { port: taken + 1 },
    ])
    const attempts: string[] = []
    for (const _ of numbers(1, 3)) {
      attempts.push(await ending(at(level, ALLOCATE, [project.name, 'api'])))
      if (attempts.at(-1) === 'done') break
      expect(attempts.at(-1)).toBe('40001')
    }
    expect(attempts.at(-1)).toBe('done')
    expect(await livePorts(project)).toEqual([taken, taken + 1])
  })
})
