import { describe, expect, it } from 'vitest'
import { ending, ISOLATION_LEVELS, Session } from '../sessions.js'
import { allocate, livePorts, newProject, query, url } from './projects.js'

describe.each(ISOLATION_LEVELS)('at %s', (level) => {
  describe('two transactions that give a service its first port', () => {
    const FUNCTIONS = ['allocate_port', 'get_or_allocate_port']

    it.each(FUNCTIONS.flatMap((first) => FUNCTIONS.map((second) => [first, second] as const)))(
      'by %s and %s leave it what both know of',
      async (firstFunction, secondFunction) => {
        const project = await newProject()
        const [first, second] = [await Session.open(url), await Session.open(url)]
        await first.begin(level)
        await second.begin(level)
        const port = await first.value<number>(`select ports.${firstFunction}($1, 'web')`, [
          project.name,
        ])
        const other = second.value<number>(`select ports.${secondFunction}($1, 'web')`, [
          project.name,
        ])
        await second.waiting()
        await first.commit()
        if (level !== 'read committed') {
          expect(await ending(other)).toBe('40001')
          expect(await livePorts(project)).toEqual([port])
        } else if (secondFunction === 'get_or_allocate_port') {
          expect(await other).toBe(port)
          await second.commit()
          expect(await livePorts(project)).toEqual([port])
        } else {
          expect(await other).toBe(port + 1)
          await second.commit()
          expect(await livePorts(project)).toEqual([port, port + 1])
        }
      },
    )

    // The second sees a free slot that the first did not touch: only the ordinal, 1 for both, can
    // tell it that the service has a port.
    it.each(FUNCTIONS)('from different slots, by %s, leave it one', async (name) => {
      const project = await newProject()
      await allocate(project, 'api')
      const second = await Session.open(url)
      await second.begin(level)
      await query('select ports.release_port($1, $2)', [project.name, 'api'])
      expect(await allocate(project, 'web')).toBe(project.start)
      const other = second.value<number>(`select ports.${name}($1, 'web')`, [project.name])
      if (level !== 'read committed') {
        expect(await ending(other)).toBe('40001')
        expect(await livePorts(project)).toEqual([project.start])
      } else {
        expect(await other).toBe(name === 'allocate_port' ? project.start + 1 : project.start)
      }
    })
  })
})
