import { describe, expect, it } from 'vitest'
import { ending, numbers } from '../sessions.js'
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
} from './projects.js'

describe('the constraints', () => {
  it('refuse an overlap whether a function or a statement asks for it', async () => {
    const project = await newProject()
    const overlapping = [project.start + 9, project.start + 20]
    await expect(query(CREATE_RANGE, ['overlapping', ...overlapping])).rejects.toMatchObject({
      code: 'ZP005',
    })
    const other = await newProject()
    await expect(query(RESIZE, [other.name, ...overlapping])).rejects.toMatchObject({
      code: 'ZP005',
    })
    const constraint = { code: '23P01', constraint: 'port_ranges_disjoint' }
    await expect(
      query(
        'insert into ports.port_ranges (project_name, start_port, end_port) values ($1, $2, $3)',
        [other.name, ...overlapping],
      ),
    ).rejects.toMatchObject(constraint)
    await expect(
      query('update ports.port_ranges set start_port = $2, end_port = $3 where project_name = $1', [
        other.name,
        ...overlapping,
      ]),
    ).rejects.toMatchObject(constraint)
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
    const attempts: [string, unknown[]][] = [
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
    const stored = query(STORE_FREE, [project.name, project.start, hostname, protocol])
    expect(['22001', '23514']).toContain(await ending(stored))
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
    await expect(query(STORE_FREE, ['ghost', 3000, ...HERE])).rejects.toMatchObject({
      code: '23503',
    })
    await expect(
      query(
        `insert into ports.port_ranges (project_name, start_port, end_port)
         values ('ghost', 3000, 3009)`,
      ),
    ).rejects.toMatchObject({ code: '23503' })
  })

  it('refuse to rename or delete a project away from its rows', async () => {
    const project = await newProject()
    await allocate(project)
    for (const statement of [
      `update ports.projects set name = 'renamed' where name = $1`,
      'delete from ports.projects where name = $1',
    ]) {
      // PostgreSQL 18 tells RESTRICT from the rest, those before did not.
      expect(['23001', '23503']).toContain(await ending(query(statement, [project.name])))
    }
  })

  const SPELLINGS = [
    ...['127.0.0.1', '127.0.0.2', '127.1', '127', '127.255.255.254', '0x7f000001'],
    ...['::1', '0:0:0:0:0:0:0:1', '0000::0001', '::ffff:127.0.0.1', '::ffff:7f00:1'],
    ...['0:0:0:0:0:ffff:127.0.0.1', '::FFFF:127.0.0.1', 'app.localhost', 'localhost.'],
    ...['0', '0.0.0.0', '0.0', '0x0', '::', '0:0:0:0:0:0:0:0', '::ffff:0.0.0.0', '::ffff:0:0'],
    '...:::',
  ]

  it.each(SPELLINGS)('refuse %s, which is this machine or none', async (hostname) => {
    const project = await newProject()
    for (const name of ['allocate_port', 'get_or_allocate_port']) {
      await expect(
        query(`select ports.${name}($1, 'web', $2)`, [project.name, hostname]),
      ).rejects.toMatchObject({ code: '23514' })
    }
    await expect(
      query('select * from ports.allocate_ports($1, $2, $3, $4, $5, $5, $5, $6, $6)', [
        [project.name],
        ['web'],
        [hostname],
        ['tcp'],
        [null],
        [''],
      ]),
    ).rejects.toMatchObject({ code: '23514' })
    await expect(
      query(STORE_FREE, [project.name, project.start, hostname, 'tcp']),
    ).rejects.toMatchObject({ code: '23514' })
    expect(await query('select from ports.port_allocations')).toEqual([])
    expect(await query('select from ports.port_cursors')).toEqual([])
  })

  it.each([
    ...['localhost', 'alpha', '12.0.0.7', '10.127.0.1', 'localhost.example', 'my-localhost'],
    ...['2001:db8::1', 'fe80::1', '::2', '::ffff:10.0.0.1', '1', 'a_b', '0x7g'],
  ])('take the hostname %s', async (hostname) => {
    const project = await newProject()
    expect(await allocate(project, 'web', [hostname, 'tcp'])).toBe(project.start)
  })
})
