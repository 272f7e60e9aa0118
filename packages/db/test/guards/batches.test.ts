import { describe, expect, it } from 'vitest'
import { ending, ISOLATION_LEVELS, numbers, Session } from '../sessions.js'
import {
  ALLOCATE,
  allocate,
  livePorts,
  newProject,
  offerNumbers,
  type Project,
  query,
  RESIZE,
  url,
} from './projects.js'

const BATCH = `
  select (allocation).service_name || ' ' || (allocation).port_number as given
  from ports.allocate_batch($1, $2)`

function services(...names: string[]): string {
  return JSON.stringify(names.map((service) => ({ service })))
}

const block = (count: number) => JSON.stringify([{ service: 'rtp', count, contiguous: true }])

async function give(session: Session, project: Project, items: string): Promise<string[]> {
  const rows = await session.query<{ given: string }>(BATCH, [project.name, items])
  return rows.map(({ given }) => given)
}

describe.each(ISOLATION_LEVELS)('at %s', (level) => {
  it('two equal batches at once are given the same numbers, or the second is not serialised', async () => {
    const project = await newProject()
    const [first, second] = [await Session.open(url), await Session.open(url)]
    await first.begin(level)
    await second.begin(level)
    const given = await give(first, project, services('web', 'api'))
    const others = give(second, project, services('api', 'web'))
    others.catch(() => {})
    await second.waiting()
    await first.commit()
    if (level === 'read committed') {
      expect(await others).toEqual([...given].reverse())
    } else expect(await ending(others)).toBe('40001')
    await second.rollback()
    expect(await livePorts(project)).toEqual([project.start, project.start + 1])
  })

  it('a batch that meets the first port of one of its services is given it, or not serialised', async () => {
    const project = await newProject()
    await offerNumbers(project)
    const [single, batch] = [await Session.open(url), await Session.open(url)]
    await single.begin(level)
    await batch.begin(level)
    const port = await single.value<number>('select ports.get_or_allocate_port($1, $2)', [
      project.name,
      'web',
    ])
    const given = give(batch, project, services('api', 'web'))
    given.catch(() => {})
    await batch.waiting()
    await single.commit()
    if (level === 'read committed') {
      expect(await given).toEqual([`api ${port + 1}`, `web ${port}`])
    } else expect(await ending(given)).toBe('40001')
    await batch.rollback()
    expect(await livePorts(project)).toEqual([port])
  })

  it('a batch that meets a change of the range obeys it, or is not serialised', async () => {
    const project = await newProject()
    const [change, batch] = [await Session.open(url), await Session.open(url)]
    await change.begin(level)
    await batch.begin(level)
    await change.query(RESIZE, [project.name, project.start + 2, project.end])
    const given = give(batch, project, block(3))
    given.catch(() => {})
    await batch.waiting()
    await change.commit()
    if (level === 'read committed') {
      expect(await given).toEqual(numbers(2, 4).map((nth) => `rtp ${project.start + nth}`))
    } else expect(await ending(given)).toBe('40001')
    await batch.rollback()
    expect(await livePorts(project)).toEqual([])
  })
})

describe('a batch', () => {
  it('chooses other numbers than those that others are taking, and does not wait for them', async () => {
    const project = await newProject()
    await offerNumbers(project)
    const [other, batch] = [await Session.open(url), await Session.open(url)]
    await other.begin()
    expect(await other.value(ALLOCATE, [project.name, 'other'])).toBe(project.start)
    expect(await give(batch, project, services('web'))).toEqual([`web ${project.start + 1}`])
    expect(await give(batch, project, block(3))).toEqual(
      numbers(2, 4).map((nth) => `rtp ${project.start + nth}`),
    )
    await other.rollback()
    expect(await allocate(project, 'api')).toBe(project.start)
  })

  it('waits for the last numbers while others take them, and gets those that come back', async () => {
    const project = await newProject(2)
    await offerNumbers(project)
    const [other, batch] = [await Session.open(url), await Session.open(url)]
    await other.begin()
    await other.query(ALLOCATE, [project.name, 'other'])
    const given = give(batch, project, services('web', 'api'))
    await batch.waiting()
    await other.rollback()
    expect(await given).toEqual([`web ${project.start}`, `api ${project.start + 1}`])
  })

  it('is refused if others keep the last numbers, and leaves nothing', async () => {
    const project = await newProject(2)
    await offerNumbers(project)
    const [other, batch] = [await Session.open(url), await Session.open(url)]
    await other.begin()
    await other.query(ALLOCATE, [project.name, 'other'])
    const given = give(batch, project, services('web', 'api'))
    given.catch(() => {})
    await batch.waiting()
    await other.commit()
    expect(await ending(given)).toBe('ZP002')
    expect(await livePorts(project)).toEqual([project.start])
  })

  it('is given with a port that one of its services got while it waited for the last', async () => {
    const project = await newProject(1)
    await offerNumbers(project)
    const [other, batch] = [await Session.open(url), await Session.open(url)]
    await other.begin()
    await other.query(ALLOCATE, [project.name, 'web'])
    const given = give(batch, project, services('web'))
    await batch.waiting()
    await other.commit()
    expect(await given).toEqual([`web ${project.start}`])
  })

  it.each([
    ['no item', '[]'],
    ['no list', '{"service": "web"}'],
    ['no service', '[{}]'],
    ['a service twice', services('web', 'api', 'web')],
    ['a protocol twice', '[{"service": "a", "protocols": ["tcp", "udp"]}, {"service": "a"}]'],
    ['an unknown protocol', '[{"service": "web", "protocols": ["tcp", "sctp"]}]'],
    ['no protocol', '[{"service": "web", "protocols": []}]'],
    ['a count of 0', '[{"service": "web", "count": 0}]'],
    ['too many numbers', '[{"service": "web", "count": 500}, {"service": "api", "count": 501}]'],
  ])('is refused with %s', async (_what, items) => {
    const project = await newProject()
    expect(await ending(query(BATCH, [project.name, items]))).toBe('22023')
  })

  it('reads few rows, however many are held and free', async () => {
    const project = await newProject(4500)
    await query(
      `select ports.allocate_port($1, 'service-' || n)
       from generate_series(1, 4000) as n`,
      [project.name],
    )
    await query('vacuum analyze ports.port_allocations')
    const session = await Session.open(url)
    await session.begin()
    await give(session, project, services('web', 'service-100', 'service-200'))
    const [read] = await session.query<{ rows: string }>(
      `select seq_tup_read + idx_tup_fetch as rows
       from pg_stat_xact_user_tables
       where relname = 'port_allocations'`,
    )
    await session.rollback()
    expect(Number(read!.rows)).toBeLessThan(100)
  })
})
