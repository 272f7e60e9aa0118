import { describe, expect, it } from 'vitest'
import { ending, numbers, Session } from '../sessions.js'
import {
  ALLOCATE,
  allocate,
  drain,
  HERE,
  newProject,
  type Project,
  query,
  RESIZE,
  url,
} from './projects.js'

async function count(relation: 'port_allocations' | 'port_cursors'): Promise<number> {
  const [row] = await query(`select count(*)::integer as count from ports.${relation}`)
  return row!.count
}

async function look(project: Project, scope = HERE) {
  const [row] = await query(
    `select ports.find_available_port($1, $2, $3) as next,
       ports.count_available($1, $2, $3) as available`,
    [project.name, ...scope],
  )
  return row
}

describe('numbers without a row', () => {
  it('are offered eight at first, and then as many as there are, up to 128', async () => {
    const project = await newProject(400)
    const rows: number[] = []
    for (const _ of numbers(1, 400)) {
      await allocate(project)
      if (rows.at(-1) !== (await count('port_allocations'))) {
        rows.push(await count('port_allocations'))
      }
    }
    expect(rows).toEqual([8, 16, 32, 64, 128, 256, 384, 400])
  })

  it('are available, and looking at them inserts no row', async () => {
    const project = await newProject(400)
    expect(await look(project)).toEqual({ next: project.start, available: 400 })
    expect(await count('port_allocations')).toBe(0)
    await allocate(project)
    expect(await look(project)).toEqual({ next: project.start + 1, available: 399 })
  })

  it('are available below a single number that is held', async () => {
    const project = await newProject(100)
    const ports = await drain(project)
    for (const port of ports.filter((it) => it !== project.start + 90)) {
      await query(`select ports.release_port($1, 'drain', p_port_number => $2)`, [
        ...[project.name, port],
      ])
    }
    await query(`delete from ports.port_allocations where status = 'released'`)
    expect(await count('port_allocations')).toBe(1)
    expect(await look(project)).toEqual({ next: project.start, available: 99 })

    expect(await allocate(project)).toBe(project.start)
    expect(await count('port_allocations')).toBe(9)
    expect(await look(project)).toEqual({ next: project.start + 1, available: 98 })
    expect(await drain(project)).toEqual(
      numbers(project.start + 1, project.end).filter((it) => it !== project.start + 90),
    )
    await expect(query(ALLOCATE, [project.name, 'late'])).rejects.toMatchObject({ code: 'ZP002' })
  })

  it('come before a single free slot above them', async () => {
    const project = await newProject(20)
    await query(
      'insert into ports.port_allocations (project_name, port_number) values ($1, $2), ($1, $3)',
      [project.name, project.start + 3, project.end],
    )
    expect(await look(project)).toEqual({ next: project.start, available: 20 })
    expect(await drain(project)).toEqual(numbers(project.start, project.end))
    expect(await count('port_allocations')).toBe(20)
  })
})

describe('numbers that a range lost and got back', () => {
  it.each([
    ['at its end', 0, -9],
    ['at its start', 9, 0],
    ['at both', 4, -4],
  ])('%s are offered again, lowest first', async (_where, fromStart, fromEnd) => {
    const project = await newProject()
    const offered = numbers(project.start, project.end)
    for (const _ of offered) await allocate(project, 'all')
    await query('select ports.release_ports($1, $2)', [project.name, 'all'])
    await query(RESIZE, [project.name, project.start + fromStart, project.end + fromEnd])
    await query(RESIZE, [project.name, project.start, project.end])
    expect(await look(project)).toEqual({ next: project.start, available: offered.length })
    expect(await drain(project)).toEqual(offered)
  })
})

describe('the slots of scopes in which nothing is held', () => {
  it('are deleted in the end, so that host names that come and go leave a bounded number of rows', async () => {
    const project = await newProject(100)
    await query(
      `do $$
       begin
         for nth in 1..3000 loop
           perform ports.get_or_allocate_port('${project.name}', 'web', 'host-' || nth);
           commit;
           perform ports.release_port('${project.name}', 'web', 'host-' || nth);
           commit;
         end loop;
       end
       $$`,
    )
    expect(await count('port_allocations')).toBeLessThan(100)
    expect(await count('port_cursors')).toBeLessThan(20)
    const [events] = await query(
      'select count(*)::integer as count from ports.events where service_name is not null',
    )
    expect(events).toEqual({ count: 6000 })
  })

  it('stay if something is held, however many scopes follow', async () => {
    const project = await newProject(20)
    const scopes = numbers(1, 30).map((nth) => [`host-${nth}`, 'tcp'])
    for (const scope of scopes) {
      expect(await allocate(project, 'web', scope)).toBe(project.start)
    }
    expect(await count('port_cursors')).toBe(30)
    for (const scope of scopes) {
      expect(await look(project, scope)).toEqual({ next: project.start + 1, available: 19 })
    }
    expect(await drain(project, scopes[0])).toEqual(numbers(project.start + 1, project.end))
  })

  it.each(['commit', 'rollback'] as const)(
    'go but for the one that is being taken, which ends by %s',
    async (end) => {
      const project = await newProject(20)
      await allocate(project, 'web', ['old', 'tcp'])
      await query(`select ports.release_port($1, 'web', 'old')`, [project.name])
      const taker = await Session.open(url)
      await taker.begin()
      const port = await taker.value<number>(`select ports.allocate_port($1, 'web', 'old')`, [
        project.name,
      ])
      await allocate(project, 'web', ['new', 'tcp'])
      expect(
        await query(`select port_number from ports.port_allocations where hostname = 'old'`),
      ).toEqual([{ port_number: port }])
      await taker[end]()
      const held = end === 'commit' ? [port] : []
      expect(await look(project, ['old', 'tcp'])).toEqual({
        ...{ next: port + held.length, available: 20 - held.length },
      })
      expect(await drain(project, ['old', 'tcp'])).toEqual(
        numbers(project.start + held.length, project.end),
      )
    },
  )

  it('go later if somebody had one locked, and the lowest number comes first until then', async () => {
    const project = await newProject(20)
    await allocate(project, 'web', ['old', 'tcp'])
    await query(`select ports.release_port($1, 'web', 'old')`, [project.name])
    const locker = await Session.open(url)
    await locker.begin()
    await locker.value(
      `select port_number from ports.port_allocations
       where hostname = 'old' and port_number = $1
       for update`,
      [project.start + 5],
    )
    await allocate(project, 'web', ['new-1', 'tcp'])
    await locker.rollback()
    expect(await look(project, ['old', 'tcp'])).toEqual({ next: project.start, available: 20 })
    expect(await allocate(project, 'web', ['old', 'tcp'])).toBe(project.start)
    await query(`select ports.release_port($1, 'web', 'old')`, [project.name])
    await allocate(project, 'web', ['new-2', 'tcp'])
    expect(
      await query(`select port_number from ports.port_allocations where hostname = 'old'`),
    ).toEqual([])
  })

  it('can be asked for again at once', async () => {
    const project = await newProject(20)
    for (const nth of numbers(1, 40)) {
      const scope = [`host-${nth % 7}`, 'tcp']
      expect(await allocate(project, 'web', scope)).toBe(project.start)
      await query(`select ports.release_port($1, 'web', $2)`, [project.name, scope[0]])
    }
  })
})

describe('a range of many scopes', () => {
  it('is widened below without a row for any of them, and each gets the lower numbers', async () => {
    const project = await newProject(10)
    await query(
      `select ports.get_or_allocate_port($1, 'web', 'host-' || nth)
       from generate_series(1, 1000) as nth`,
      [project.name],
    )
    const before = await count('port_allocations')
    await query(RESIZE, [project.name, 1100, project.end])
    expect(await count('port_allocations')).toBe(before)
    const [rows] = await query(
      `select array_agg(distinct ports.allocate_port($1, 'api', 'host-' || nth)) as ports
       from generate_series(1, 1000, 100) as nth`,
      [project.name],
    )
    expect(rows!.ports).toEqual([1100])
  })

  it('is deleted with all of its slots', async () => {
    const project = await newProject(10)
    for (const name of ['get_or_allocate_port', 'release_port']) {
      await query(
        `select ports.${name}($1, 'web', 'host-' || nth) from generate_series(1, 300) as nth`,
        [project.name],
      )
    }
    expect(await ending(query('select ports.delete_range($1)', [project.name]))).toBe('done')
    expect([await count('port_allocations'), await count('port_cursors')]).toEqual([0, 0])
  })
})
