import { describe, expect, it } from 'vitest'
import { ending, ISOLATION_LEVELS, numbers, Session } from '../sessions.js'
import {
  ALLOCATE,
  allocate,
  bounds,
  CREATE_RANGE,
  DELETE_RANGE,
  drain,
  HERE,
  livePorts,
  newProject,
  offerNumbers,
  type Project,
  query,
  RESIZE,
  STORE_FREE,
  url,
} from './projects.js'

describe.each(ISOLATION_LEVELS)('at %s', (level) => {
  describe('a resize against an allocation under way', () => {
    it('is refused when the allocation outside commits first', async () => {
      const project = await newProject()
      await offerNumbers(project)
      const [allocator, resizer] = [await Session.open(url), await Session.open(url)]
      await allocator.begin(level)
      const port = await allocator.value<number>(ALLOCATE, [project.name, 'web'])
      await resizer.begin(level)
      const resized = resizer.query(RESIZE, [project.name, project.start + 5, project.end])
      await resizer.waiting()
      await allocator.commit()
      expect(await ending(resized)).toBe(level === 'read committed' ? 'ZP006' : '40001')
      await resizer.rollback()
      expect(await livePorts(project)).toEqual([port])
      expect(await bounds(project)).toEqual([[project.start, project.end]])
    })

    it('takes the slot of an allocation that was rolled back', async () => {
      const project = await newProject()
      await offerNumbers(project)
      const [allocator, resizer] = [await Session.open(url), await Session.open(url)]
      await allocator.begin(level)
      await allocator.query(ALLOCATE, [project.name, 'web'])
      await resizer.begin(level)
      const resized = resizer.query(RESIZE, [project.name, project.start + 5, project.end])
      await resizer.waiting()
      await allocator.rollback()
      await resized
      await resizer.commit()
      expect(await drain(project)).toEqual(numbers(project.start + 5, project.end))
    })

    it.each(['commit', 'rollback'] as const)(
      'that came first lets it have a number inside, whether it ends by %s',
      async (end) => {
        const project = await newProject()
        await offerNumbers(project)
        const [allocator, resizer] = [await Session.open(url), await Session.open(url)]
        await resizer.begin(level)
        await resizer.query(RESIZE, [project.name, project.start + 5, project.end])
        await allocator.begin(level)
        const port = await allocator.value<number>(ALLOCATE, [project.name, 'web'])
        expect(port).toBe(project.start + 5)
        await resizer[end]()
        // Each read what the other wrote, which is more than SERIALIZABLE has to let pass.
        const outcome = await ending(allocator.commit())
        if (level === 'serializable') expect(['done', '40001']).toContain(outcome)
        else expect(outcome).toBe('done')
        expect(await livePorts(project)).toEqual(outcome === 'done' ? [port] : [])
      },
    )

    it('that came first makes it wait where numbers must be offered', async () => {
      const project = await newProject(200)
      const [allocator, resizer] = [await Session.open(url), await Session.open(url)]
      await resizer.begin(level)
      await resizer.query(RESIZE, [project.name, project.start + 5, project.end])
      await allocator.begin(level)
      const allocated = allocator.value<number>(ALLOCATE, [project.name, 'web'])
      await allocator.waiting()
      await resizer.commit()
      if (level === 'read committed') {
        expect(await allocated).toBe(project.start + 5)
        await allocator.commit()
      } else {
        expect(await ending(allocated)).toBe('40001')
      }
      await query(RESIZE, [project.name, project.start + 5, project.end])
    })

    it('never leaves a live row outside that an older snapshot took for inside', async () => {
      const project = await newProject()
      await offerNumbers(project)
      const allocator = await Session.open(url)
      await allocator.begin(level)
      await query(RESIZE, [project.name, project.start + 5, project.end])
      const outcome = await ending(
        allocator.query(ALLOCATE, [project.name, 'web']).then(() => allocator.commit()),
      )
      expect(outcome).toBe(level === 'read committed' ? 'done' : '40001')
      await allocator.rollback()
      expect((await livePorts(project)).filter((port) => port < project.start + 5)).toEqual([])
    })

    it('whose snapshot is older does not overlook it', async () => {
      const project = await newProject()
      const resizer = await Session.open(url)
      await resizer.begin(level)
      const port = await allocate(project)
      const outcome = await ending(
        resizer.query(RESIZE, [project.name, project.start + 5, project.end]),
      )
      expect(outcome).toBe(level === 'read committed' ? 'ZP006' : '40001')
      await resizer.rollback()
      expect(await livePorts(project)).toEqual([port])
    })
  })

  describe('a resize against a slot that is stored', () => {
    it('waits for it and does not leave it outside', async () => {
      const project = await newProject()
      const [writer, resizer] = [await Session.open(url), await Session.open(url)]
      await writer.begin(level)
      await resizer.begin(level)
      await writer.query(STORE_FREE, [project.name, project.start, ...HERE])
      const resized = resizer.query(RESIZE, [project.name, project.start + 5, project.end])
      await resizer.waiting()
      await writer.commit()
      const outcome = await ending(resized.then(() => resizer.commit()))
      expect(outcome).toBe(level === 'read committed' ? 'done' : '40001')
      await resizer.rollback()
    })

    it('makes it wait and refuses it', async () => {
      const project = await newProject()
      const [writer, resizer] = [await Session.open(url), await Session.open(url)]
      await writer.begin(level)
      await resizer.begin(level)
      await resizer.query(RESIZE, [project.name, project.start + 5, project.end])
      const stored = writer.query(STORE_FREE, [project.name, project.start, ...HERE])
      await writer.waiting()
      await resizer.commit()
      expect(await ending(stored)).toBe(level === 'read committed' ? 'ZP004' : '40001')
    })
  })

  describe('a range that is deleted against an allocation under way', () => {
    it('stays when the allocation commits', async () => {
      const project = await newProject()
      await offerNumbers(project)
      const [allocator, deleter] = [await Session.open(url), await Session.open(url)]
      await allocator.begin(level)
      const port = await allocator.value<number>(ALLOCATE, [project.name, 'web'])
      await deleter.begin(level)
      const deleted = deleter.query(DELETE_RANGE, [project.name])
      await deleter.waiting()
      await allocator.commit()
      expect(await ending(deleted)).toBe(level === 'read committed' ? 'ZP006' : '40001')
      await deleter.rollback()
      expect(await livePorts(project)).toEqual([port])
    })

    it('goes when the allocation is rolled back', async () => {
      const project = await newProject()
      await offerNumbers(project)
      const [allocator, deleter] = [await Session.open(url), await Session.open(url)]
      await allocator.begin(level)
      await allocator.query(ALLOCATE, [project.name, 'web'])
      await deleter.begin(level)
      const deleted = deleter.query(DELETE_RANGE, [project.name])
      await deleter.waiting()
      await allocator.rollback()
      await deleted
      await deleter.commit()
      expect(await bounds(project)).toEqual([])
    })

    it.each([
      ['all of them offered', 8],
      ['more to offer', 200],
    ])('that came first leaves it without a range, with %s', async (_what, size) => {
      const project = await newProject(size)
      await offerNumbers(project)
      const [allocator, deleter] = [await Session.open(url), await Session.open(url)]
      await deleter.begin(level)
      await deleter.query(DELETE_RANGE, [project.name])
      await allocator.begin(level)
      const allocated = allocator.query(ALLOCATE, [project.name, 'web'])
      await allocator.waiting()
      await deleter.commit()
      expect(await ending(allocated)).toBe(level === 'read committed' ? 'ZP001' : '40001')
      expect(await livePorts(project)).toEqual([])
    })

    it('that came first and is rolled back lets it go on', async () => {
      const project = await newProject(200)
      await offerNumbers(project)
      const [allocator, deleter] = [await Session.open(url), await Session.open(url)]
      await deleter.begin(level)
      await deleter.query(DELETE_RANGE, [project.name])
      await allocator.begin(level)
      const allocated = allocator.query(ALLOCATE, [project.name, 'web'])
      await allocator.waiting()
      await deleter.rollback()
      await allocated
      await allocator.commit()
      const [port, ...others] = await livePorts(project)
      expect(others).toEqual([])
      expect([...(await drain(project)), port!].sort((a, b) => a - b)).toEqual(
        numbers(project.start, project.end),
      )
    })

    it('whose snapshot is older does not overlook it', async () => {
      const project = await newProject()
      const deleter = await Session.open(url)
      await deleter.begin(level)
      const port = await allocate(project)
      const outcome = await ending(deleter.query(DELETE_RANGE, [project.name]))
      expect(outcome).toBe(level === 'read committed' ? 'ZP006' : '40001')
      await deleter.rollback()
      expect(await livePorts(project)).toEqual([port])
    })
  })

  describe('two transactions that create ranges at the same time', () => {
    const first: Project = { name: 'first', start: 5000, end: 5009 }

    /** The first has created its range and not committed when the second sends its statement. */
    async function race(end: 'commit' | 'rollback', text: string, values: unknown[]) {
      const [creator, second] = [await Session.open(url), await Session.open(url)]
      await creator.begin(level)
      await second.begin(level)
      await creator.query(CREATE_RANGE, [first.name, first.start, first.end])
      const outcome = ending(second.query(text, values).then(() => second.commit()))
      await second.waiting()
      await creator[end]()
      return outcome
    }

    // What the second cannot see, only the constraints can tell it.
    it.each([
      ['another range over its numbers', CREATE_RANGE, ['second', 5009, 5020], '23P01'],
      ['the same range', CREATE_RANGE, ['second', 5000, 5009], '23P01'],
      ['a range for its project', CREATE_RANGE, ['first', 6000, 6009], '23505'],
      ['a wider range over its numbers', RESIZE, ['project-1', 3000, 5000], '23P01'],
    ])('refuse %s', async (_what, text, values, constraint) => {
      const project = await newProject()
      const outcome = await race('commit', text, values)
      expect(level === 'read committed' ? ['ZP005'] : [constraint, '40001']).toContain(outcome)
      expect(await query('select project_name from ports.port_ranges order by start_port')).toEqual(
        [{ project_name: project.name }, { project_name: first.name }],
      )
      expect(await bounds(project)).toEqual([[project.start, project.end]])
    })

    it('leave the numbers to the second where the first is rolled back', async () => {
      expect(await race('rollback', CREATE_RANGE, ['second', 5005, 5014])).toBe('done')
      expect(await bounds(first)).toEqual([])
    })
  })
})
