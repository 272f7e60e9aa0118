import { describe, expect, it } from 'vitest'
import { ISOLATION_LEVELS, numbers, Session } from '../sessions.js'
import {
  allocate,
  at,
  bounds,
  DELETE_RANGE,
  drain,
  HERE,
  livePorts,
  newProject,
  offerNumbers,
  query,
  RESIZE,
  STORE_FREE,
  STORE_LIVE,
  url,
} from './projects.js'

describe.each(ISOLATION_LEVELS)('at %s', (level) => {
  it.each(['allocated', 'in_use'])(
    'no row that is %s can be inserted, and the refusal names the functions',
    async (status) => {
      const project = await newProject()
      const taken = await allocate(project)
      for (const port of [taken, project.end]) {
        await expect(
          at(
            level,
            `insert into ports.port_allocations
               (project_name, service_name, port_number, status, ordinal)
             values ($1, 'stored', $2, $3, 1)`,
            [project.name, port, status],
          ),
        ).rejects.toMatchObject({
          code: '0A000',
          message: expect.stringContaining('allocate_port() and get_or_allocate_port()'),
        })
      }
      expect(await livePorts(project)).toEqual([taken])
    },
  )

  it('one live row makes an insert of many fail', async () => {
    const project = await newProject()
    await expect(
      at(
        level,
        `insert into ports.port_allocations (project_name, port_number, status)
         select $1, number, case number when $3 then 'in_use' else 'released' end
         from generate_series($2::int, $3::int) as number`,
        [project.name, project.start, project.end],
      ),
    ).rejects.toMatchObject({ code: '0A000' })
    expect(await query('select from ports.port_allocations')).toEqual([])
  })

  it('a free slot cannot be taken by changing its status, and the error names the functions', async () => {
    const project = await newProject()
    await offerNumbers(project)
    await expect(
      at(
        level,
        `update ports.port_allocations
         set status = 'allocated', service_name = 'stored', ordinal = 1, allocated_at = now()
         where project_name = $1 and port_number = $2`,
        [project.name, project.start],
      ),
    ).rejects.toMatchObject({
      code: '0A000',
      message: expect.stringContaining('allocate_port() and get_or_allocate_port()'),
    })
    expect(await livePorts(project)).toEqual([])
    expect(await drain(project)).toEqual(numbers(project.start, project.end))
  })

  it('no live row can be deleted, and the refusal names the function', async () => {
    const project = await newProject()
    const taken = await allocate(project)
    await query(`update ports.port_allocations set status = 'in_use' where port_number = $1`, [
      taken,
    ])
    await allocate(project)
    for (const where of ['port_number = $2', 'port_number = $2 + 1', 'port_number >= $2']) {
      await expect(
        at(level, `delete from ports.port_allocations where project_name = $1 and ${where}`, [
          project.name,
          taken,
        ]),
      ).rejects.toMatchObject({
        code: '0A000',
        message: expect.stringContaining('release_port()'),
      })
    }
    expect(await livePorts(project)).toEqual([taken, taken + 1])
  })

  it('no second live row on a number can be inserted, even without triggers', async () => {
    const project = await newProject()
    const taken = await allocate(project)
    const session = await Session.open(url)
    await session.begin(level)
    await session.query('set local session_replication_role = replica')
    await expect(session.query(STORE_LIVE, [project.name, taken, ...HERE])).rejects.toMatchObject({
      code: '23505',
      constraint: 'port_allocations_live_port',
    })
    await session.rollback()
    expect(await livePorts(project)).toEqual([taken])
  })

  it.each([
    ['below', -1],
    ['above', 10],
  ])('no slot %s the range can be inserted', async (_where, offset) => {
    const project = await newProject()
    await expect(
      at(level, STORE_FREE, [project.name, project.start + offset, ...HERE]),
    ).rejects.toMatchObject({ code: 'ZP004' })
    expect(await drain(project)).toEqual(numbers(project.start, project.end))
  })

  it('one slot outside the range makes an insert of many fail', async () => {
    const project = await newProject()
    await expect(
      at(
        level,
        `insert into ports.port_allocations (project_name, port_number)
         select $1, generate_series($2::int, $3::int)`,
        [project.name, project.start, project.end + 1],
      ),
    ).rejects.toMatchObject({ code: 'ZP004' })
    expect(await query('select from ports.port_allocations')).toEqual([])
  })

  it('no row can be moved, neither a held one nor a free one', async () => {
    const project = await newProject()
    const other = await newProject()
    const taken = await allocate(project)
    for (const [column, value] of [
      ['port_number', project.end + 1],
      ['port_number', project.end],
      ['project_name', other.name],
      ['hostname', 'alpha'],
      ['protocol', 'udp'],
    ]) {
      for (const status of ['allocated', 'released']) {
        await expect(
          at(
            level,
            `update ports.port_allocations
             set ${column} = $2
             where id = (
               select id
               from ports.port_allocations
               where project_name = $1 and status = $3
               order by port_number
               limit 1
             )`,
            [project.name, value, status],
          ),
        ).rejects.toMatchObject({ code: '0A000' })
      }
    }
    expect(await livePorts(project)).toEqual([taken])
  })

  it('no end of a range can be drawn past a live row', async () => {
    const project = await newProject()
    const [low, held] = [await allocate(project), await allocate(project)]
    await query('select ports.release_port($1, $2, $3, $4, $5)', [
      project.name,
      'web',
      ...HERE,
      low,
    ])
    for (const [start, end] of [
      [held + 1, project.end],
      [project.start, held - 1],
      [project.end + 1, project.end + 10],
    ]) {
      await expect(at(level, RESIZE, [project.name, start, end])).rejects.toMatchObject({
        code: 'ZP006',
      })
    }
    expect(await bounds(project)).toEqual([[project.start, project.end]])
    await at(level, RESIZE, [project.name, held, project.end])
    expect(await livePorts(project)).toEqual([held])
  })

  it('no range goes with live rows in it', async () => {
    const project = await newProject()
    const taken = await allocate(project, 'web', ['alpha', 'udp'])
    await expect(at(level, DELETE_RANGE, [project.name])).rejects.toMatchObject({ code: 'ZP006' })
    expect(await livePorts(project)).toEqual([taken])
  })

  it('a range goes with its free slots, its cursors and its project', async () => {
    const project = await newProject()
    await offerNumbers(project)
    await at(level, DELETE_RANGE, [project.name])
    for (const table of ['port_allocations', 'port_cursors', 'port_ranges', 'projects']) {
      expect(await query(`select from ports.${table}`)).toEqual([])
    }
  })
})
