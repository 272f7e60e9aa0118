import { describe, expect, it } from 'vitest'
import { ending, ISOLATION_LEVELS, numbers, Session } from '../sessions.js'
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
  it('no second live row on a number can be inserted', async () => {
    const project = await newProject()
    const taken = await allocate(project)
    for (const status of ['allocated', 'in_use']) {
      await expect(
        at(
          level,
          `insert into ports.port_allocations (project_name, service_name, port_number, status)
           values ($1, 'by-hand', $2, $3)`,
          [project.name, taken, status],
        ),
      ).rejects.toMatchObject({ code: '23505', constraint: 'port_allocations_live_port' })
    }
    expect(await livePorts(project)).toEqual([taken])
  })

  it('no free slot becomes a second live row on its number', async () => {
    const project = await newProject()
    const taken = await allocate(project)
    await query(STORE_FREE, [project.name, taken, ...HERE])
    await expect(
      at(
        level,
        `update ports.port_allocations
         set status = 'allocated', service_name = 'by-hand', ordinal = 1, allocated_at = now()
         where project_name = $1 and port_number = $2 and status = 'released'`,
        [project.name, taken],
      ),
    ).rejects.toMatchObject({ code: '23505', constraint: 'port_allocations_live_port' })
    expect(await livePorts(project)).toEqual([taken])
  })

  it('no live row is moved onto the number, host or protocol of another', async () => {
    const project = await newProject()
    await allocate(project, 'web')
    await allocate(project, 'api')
    await allocate(project, 'web', ['alpha', 'tcp'])
    await allocate(project, 'web', ['localhost', 'udp'])
    for (const [column, from, to] of [
      ['port_number', project.start + 1, project.start],
      ['hostname', 'alpha', 'localhost'],
      ['protocol', 'udp', 'tcp'],
    ]) {
      await expect(
        at(
          level,
          `update ports.port_allocations
           set ${column} = $3
           where project_name = $1 and ${column} = $2 and status <> 'released'`,
          [project.name, from, to],
        ),
      ).rejects.toMatchObject({ code: '23505', constraint: 'port_allocations_live_port' })
    }
  })

  it('two transactions cannot insert one number at the same time', async () => {
    const project = await newProject()
    const [first, second] = [await Session.open(url), await Session.open(url)]
    await first.begin(level)
    await second.begin(level)
    await first.query(STORE_LIVE, [project.name, project.start, ...HERE])
    const refused = second.query(STORE_LIVE, [project.name, project.start, ...HERE])
    await second.waiting()
    await first.commit()
    // At the stricter levels the row of the range, which both write, may say so before the number.
    expect(['23505', '40001']).toContain(await ending(refused))
    expect(await livePorts(project)).toEqual([project.start])
  })

  it.each([
    ['below', -1],
    ['above', 10],
  ])('no row %s the range can be inserted, held or free', async (_where, offset) => {
    const project = await newProject()
    for (const statement of [STORE_LIVE, STORE_FREE]) {
      await expect(
        at(level, statement, [project.name, project.start + offset, ...HERE]),
      ).rejects.toMatchObject({ code: 'ZP004' })
    }
    expect(await drain(project)).toEqual(numbers(project.start, project.end))
  })

  it('one row out of many outside the range stops them all', async () => {
    const project = await newProject()
    await expect(
      at(
        level,
        `insert into ports.port_allocations (project_name, service_name, port_number)
         select $1, 'by-hand', generate_series($2::int, $3::int)`,
        [project.name, project.start, project.end + 1],
      ),
    ).rejects.toMatchObject({ code: 'ZP004' })
    expect(await livePorts(project)).toEqual([])
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
    const [low] = [await allocate(project), await allocate(project)]
    await query('select ports.release_port($1, $2, $3, $4, $5)', [
      project.name,
      'web',
      ...HERE,
      low,
    ])
    const held = low! + 1
    await query(STORE_LIVE, [project.name, project.end, 'alpha', 'udp'])
    for (const [start, end] of [
      [held + 1, project.end],
      [project.start, project.end - 1],
      [project.end + 1, project.end + 10],
    ]) {
      await expect(at(level, RESIZE, [project.name, start, end])).rejects.toMatchObject({
        code: 'ZP006',
      })
    }
    expect(await bounds(project)).toEqual([[project.start, project.end]])
    await at(level, RESIZE, [project.name, held, project.end])
    expect(await livePorts(project)).toEqual([held, project.end])
  })

  it('no range goes with live rows in it', async () => {
    const project = await newProject()
    await query(STORE_LIVE, [project.name, project.end, 'alpha', 'udp'])
    await expect(at(level, DELETE_RANGE, [project.name])).rejects.toMatchObject({ code: 'ZP006' })
    expect(await livePorts(project)).toEqual([project.end])
  })

  it('a range goes with its free slots', async () => {
    const project = await newProject()
    await offerNumbers(project)
    await at(level, DELETE_RANGE, [project.name])
    const rows = await query('select from ports.port_allocations where project_name = $1', [
      project.name,
    ])
    expect(rows).toEqual([])
  })
})
