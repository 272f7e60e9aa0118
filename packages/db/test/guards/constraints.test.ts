import { describe, expect, it } from 'vitest'
import { ending, numbers, Session } from '../sessions.js'
import {
  allocate,
  bounds,
  CREATE_RANGE,
  drain,
  HERE,
  livePorts,
  newProject,
  query,
  RESIZE,
  STORE_FREE,
  STORE_LIVE,
  url,
} from './projects.js'

describe('the constraints', () => {
  it('refuse an overlap whether the trigger speaks first or not', async () => {
    const project = await newProject()
    const overlapping = [project.start + 9, project.start + 20]
    const session = await Session.open(url)
    await session.query('begin')
    await session.query('alter table ports.port_ranges disable trigger user')
    await session.query('savepoint standing')
    await expect(
      session.query(CREATE_RANGE, ['overlapping', ...overlapping]),
    ).rejects.toMatchObject({ code: '23P01', constraint: 'port_ranges_disjoint' })
    await session.query('rollback to savepoint standing')
    await session.query(CREATE_RANGE, ['overlapping', project.start + 10, project.start + 20])
    await expect(session.query(RESIZE, ['overlapping', ...overlapping])).rejects.toMatchObject({
      code: '23P01',
      constraint: 'port_ranges_disjoint',
    })
    await session.rollback()
  })

  it.each([
    ['4000–3000', 4000, 3000],
    ['1–70000', 1, 70_000],
    ['0–10', 0, 10],
    ['-10–10', -10, 10],
    ['65535–65536', 65_535, 65_536],
  ])('refuse the range %s', async (_range, start, end) => {
    const refused = { code: '23514', constraint: 'port_ranges_bounds_check' }
    await expect(query(CREATE_RANGE, ['shop', start, end])).rejects.toMatchObject(refused)
    const project = await newProject()
    await expect(query(RESIZE, [project.name, start, end])).rejects.toMatchObject(refused)
    expect(await bounds(project)).toEqual([[project.start, project.end]])
  })

  const BAD_NAMES = {
    empty: '',
    blank: ' ',
    'of 64 characters': 'a'.repeat(64),
    'of 300 characters': 'a'.repeat(300),
    'with a line feed at its end': 'web\n',
    'with a tab': 'we\tb',
    'with a control character': 'we\u0001b',
    'with SQL': "'; drop table ports.port_allocations; --",
    'with an emoji': '🛍',
    'with an umlaut': 'läden',
    'of a path': '../etc',
    'with a slash': 'shop/web',
    'with a dash in front': '-web',
    'with a dot in front': '.web',
  }

  it.each(Object.entries(BAD_NAMES))('refuse a name %s', async (_what, name) => {
    const project = await newProject()
    const store = `
      insert into ports.port_allocations (project_name, service_name, port_number)
      values ($1, $2, $3)`
    const attempts: [string, unknown[]][] = [
      [store, [project.name, name, project.start]],
      ['select ports.allocate_port($1, $2)', [project.name, name]],
      ['select ports.get_or_allocate_port($1, $2)', [project.name, name]],
      [CREATE_RANGE, [name, project.start + 100, project.start + 109]],
    ]
    for (const [text, values] of attempts) {
      // Too long for the column, or outside the alphabet.
      expect(['22001', '23514']).toContain(await ending(query(text, values)))
    }
    await expect(query('select ports.allocate_port($1, $2)', [name, 'web'])).rejects.toMatchObject({
      code: 'ZP001',
    })
    expect(await livePorts(project)).toEqual([])
    expect(await drain(project)).toEqual(numbers(project.start, project.end))
  })

  it('refuse NUL in any text', async () => {
    const project = await newProject()
    await expect(
      query('select ports.allocate_port($1, $2)', [project.name, 'we\0b']),
    ).rejects.toMatchObject({ code: '22021' })
  })

  it.each([
    ['an empty hostname', '', 'tcp'],
    ['a hostname in upper case', 'Alpha', 'tcp'],
    ['a hostname of 254 characters', 'a'.repeat(254), 'tcp'],
    ['an empty protocol', 'localhost', ''],
    ['a protocol in upper case', 'localhost', 'TCP'],
    ['sctp', 'localhost', 'sctp'],
  ])('refuse %s', async (_what, hostname, protocol) => {
    const project = await newProject()
    for (const statement of [STORE_LIVE, STORE_FREE]) {
      const stored = query(statement, [project.name, project.start, hostname, protocol])
      expect(['22001', '23514']).toContain(await ending(stored))
    }
    expect(await livePorts(project)).toEqual([])
  })

  it.each([
    ['an empty hostname', '', 'tcp'],
    ['a hostname of 254 characters', 'a'.repeat(254), 'tcp'],
    ['an empty protocol', 'localhost', ''],
    ['a protocol in upper case', 'localhost', 'TCP'],
    ['sctp', 'localhost', 'sctp'],
  ])('refuse %s from the functions, too', async (_what, hostname, protocol) => {
    const project = await newProject()
    for (const name of ['allocate_port', 'get_or_allocate_port']) {
      const allocated = query(`select ports.${name}($1, 'web', $2, $3)`, [
        ...[project.name, hostname, protocol],
      ])
      expect(['22001', '23514']).toContain(await ending(allocated))
    }
    const rows = await query('select from ports.port_allocations where project_name = $1', [
      project.name,
    ])
    expect(rows).toEqual([])
  })

  it.each([
    ['a status that is none', "status = 'gone'", '23514'],
    ['a holder without a name', 'service_name = null', '23502'],
    ['a holder without a place among its ports', 'ordinal = null', '23502'],
    ['a holder without a date', 'allocated_at = null', '23502'],
    ['a port 0', 'port_number = 0', '0A000'],
    ['a port 65536', 'port_number = 65536', '0A000'],
    ['a port -1', 'port_number = -1', '0A000'],
  ])('refuse %s', async (_what, change, code) => {
    const project = await newProject()
    await allocate(project)
    await expect(
      query(
        `update ports.port_allocations
         set ${change}
         where project_name = $1 and status = 'allocated'`,
        [project.name],
      ),
    ).rejects.toMatchObject({ code })
  })

  it('refuse a row of a project without a range', async () => {
    for (const statement of [STORE_LIVE, STORE_FREE]) {
      await expect(query(statement, ['ghost', 3000, ...HERE])).rejects.toMatchObject({
        code: '23503',
      })
    }
  })

  it('refuse to rename a project away from its rows', async () => {
    const project = await newProject()
    await allocate(project)
    const renamed = query(
      'update ports.port_ranges set project_name = $2 where project_name = $1',
      [project.name, 'renamed'],
    )
    // PostgreSQL 18 tells RESTRICT from the rest, those before did not.
    expect(['23001', '23503']).toContain(await ending(renamed))
  })
})
