import { describe, expect, it } from 'vitest'
import { ending, ISOLATION_LEVELS, Session } from '../sessions.js'
import { allocate, livePorts, newProject, query, url } from './projects.js'

describe.each(ISOLATION_LEVELS)('at %s', (level) => {
  it('two transactions that get the first port of a service leave it one', async () => {
    const project = await newProject()
    const [first, second] = [await Session.open(url), await Session.open(url)]
    await first.begin(level)
    await second.begin(level)
    const get = `select ports.get_or_allocate_port($1, 'web')`
    const port = await first.value<number>(get, [project.name])
    const other = second.value<number>(get, [project.name])
    await second.waiting()
    await first.commit()
    if (level === 'read committed') expect(await other).toBe(port)
    else expect(await ending(other)).toBe('40001')
    await second.commit()
    expect(await livePorts(project)).toEqual([port])
  })

  // The second sees a free slot that the first did not touch: only the index can tell it that the
  // service has a port.
  it('two that get it from different slots leave it one', async () => {
    const project = await newProject()
    await allocate(project, 'api')
    const second = await Session.open(url)
    await second.begin(level)
    await query('select ports.release_port($1, $2)', [project.name, 'api'])
    const get = `select ports.get_or_allocate_port($1, 'web') as port`
    expect((await query(get, [project.name]))[0]!.port).toBe(project.start)
    const other = second.value<number>(get, [project.name])
    if (level === 'read committed') expect(await other).toBe(project.start)
    else expect(await ending(other)).toBe('40001')
    expect(await livePorts(project)).toEqual([project.start])
  })
})

// At serializable PostgreSQL may refuse one of them.
describe.each(['read committed', 'repeatable read'] as const)('at %s', (level) => {
  it.each([
    ['allocate_port', 'allocate_port'],
    ['allocate_port', 'get_or_allocate_port'],
    ['get_or_allocate_port', 'allocate_port'],
  ])('%s does not wait for %s of the same service', async (firstFunction, secondFunction) => {
    const project = await newProject()
    // Offers numbers, for which calls wait.
    const offered = await allocate(project, 'api')
    const [first, second] = [await Session.open(url), await Session.open(url)]
    await first.begin(level)
    await second.begin(level)
    const ports = [
      await first.value<number>(`select ports.${firstFunction}($1, 'web')`, [project.name]),
      await second.value<number>(`select ports.${secondFunction}($1, 'web')`, [project.name]),
    ]
    await second.commit()
    await first.commit()
    expect(await livePorts(project)).toEqual([offered, ...ports])
  })
})
