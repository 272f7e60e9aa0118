import { describe, expect, it } from 'vitest'
import { ending, ISOLATION_LEVELS, numbers, Session } from '../sessions.js'
import {
  ALLOCATE,
  allocate,
  drain,
  HERE,
  livePorts,
  newProject,
  offerNumbers,
  query,
  STORE_LIVE,
  url,
} from './projects.js'

describe.each(ISOLATION_LEVELS)('at %s', (level) => {
  describe('a number that is stored by hand while a transaction is allocating it', () => {
    it('is refused when the transaction commits', async () => {
      const project = await newProject(3)
      const [allocator, writer] = [await Session.open(url), await Session.open(url)]
      await allocator.begin(level)
      const port = await allocator.value<number>(ALLOCATE, [project.name, 'web'])
      await writer.begin(level)
      const stored = writer.query(STORE_LIVE, [project.name, port, ...HERE])
      await writer.waiting()
      await allocator.commit()
      expect(['23505', '40001']).toContain(await ending(stored))
      await writer.rollback()
      expect(await drain(project)).toEqual([port + 1, port + 2])
    })

    it('is held when the transaction is rolled back, and no number is lost', async () => {
      const project = await newProject(3)
      await offerNumbers(project)
      const [allocator, writer] = [await Session.open(url), await Session.open(url)]
      await allocator.begin(level)
      const port = await allocator.value<number>(ALLOCATE, [project.name, 'web'])
      await writer.begin(level)
      const stored = writer.query(STORE_LIVE, [project.name, port, ...HERE])
      await writer.waiting()
      await allocator.rollback()
      await stored
      await writer.commit()
      expect(await drain(project)).toEqual([port + 1, port + 2])
    })

    it('before it, is passed by, and comes back when it is rolled back', async () => {
      const project = await newProject(3)
      await offerNumbers(project)
      const [allocator, writer] = [await Session.open(url), await Session.open(url)]
      await writer.begin(level)
      await writer.query(STORE_LIVE, [project.name, project.start, ...HERE])
      await allocator.begin(level)
      expect(await allocator.value(ALLOCATE, [project.name, 'web'])).toBe(project.start + 1)
      await allocator.commit()
      await writer.rollback()
      expect(await drain(project)).toEqual([project.start, project.start + 2])
    })

    // The writer's number is in the index, but the writer waits for the range before it takes the
    // slot away: between the two the allocation takes that slot.
    it('is left to the writer that was first, though the slot was not', async () => {
      const project = await newProject(3)
      await offerNumbers(project)
      const [holder, allocator, writer] = [
        await Session.open(url),
        await Session.open(url),
        await Session.open(url),
      ]
      await holder.query('begin')
      await holder.query(
        'update ports.port_ranges set description = description where project_name = $1',
        [project.name],
      )
      const stored = writer.query(STORE_LIVE, [project.name, project.start, ...HERE])
      await writer.waiting()
      await allocator.begin(level)
      const allocated = allocator.value<number>(ALLOCATE, [project.name, 'web'])
      await allocator.waiting()
      await holder.commit()
      await stored
      if (level === 'read committed') {
        expect(await allocated).toBe(project.start + 1)
        await allocator.commit()
        expect(await drain(project)).toEqual([project.start + 2])
      } else {
        expect(await ending(allocated)).toBe('40001')
        await allocator.rollback()
        expect(await drain(project)).toEqual([project.start + 1, project.start + 2])
      }
      expect(await livePorts(project)).toEqual(numbers(project.start, project.end))
    })
  })

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
