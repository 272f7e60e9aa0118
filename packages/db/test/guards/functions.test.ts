import { describe, expect, it } from 'vitest'
import { ascending, ending, numbers, Session } from '../sessions.js'
import {
  ALLOCATE,
  allocate,
  drain,
  livePorts,
  newProject,
  offerNumbers,
  query,
  url,
} from './projects.js'

describe('the functions', () => {
  it('take a hostname in any case for the same host', async () => {
    const project = await newProject()
    const value = async (text: string, hostname: string) => {
      const [row] = await query(`select ${text} as value`, [project.name, hostname])
      return row!.value
    }
    const available = () => value('ports.find_available_port($1, $2)', 'ALPHA')
    expect(await value("ports.allocate_port($1, 'web', $2)", 'Alpha')).toBe(project.start)
    expect(await value("ports.get_or_allocate_port($1, 'web', $2)", 'ALPHA')).toBe(project.start)
    expect(await available()).toBe(project.start + 1)
    expect(
      await query(`select distinct hostname from ports.port_allocations where project_name = $1`, [
        project.name,
      ]),
    ).toEqual([{ hostname: 'alpha' }])
    expect(await value("ports.release_port($1, 'web', $2)", 'aLPHA')).toBe(true)
    expect(await available()).toBe(project.start)
  })

  it('take the number of a service for its instance alone', async () => {
    const project = await newProject()
    const get = async (instance: string | null) => {
      const [row] = await query(
        `select ports.get_or_allocate_port($1, 'web', p_instance => $2) as port`,
        [project.name, instance],
      )
      return row!.port
    }
    expect(await get('')).toBe(project.start)
    expect(await get('feature')).toBe(project.start + 1)
    expect(await get('feature')).toBe(project.start + 1)
    // Absent is the primary one.
    expect(await get(null)).toBe(project.start)
    expect(
      await query('select instance, port_number from ports.allocations order by port_number'),
    ).toEqual([
      { instance: '', port_number: project.start },
      { instance: 'feature', port_number: project.start + 1 },
    ])
    await query(`select ports.release_ports($1, 'web', p_instance => 'feature')`, [project.name])
    expect(await livePorts(project)).toEqual([project.start])
    expect(await get('')).toBe(project.start)
  })

  it('know an idempotency key for one instance alone', async () => {
    const project = await newProject()
    const get = async (instance: string) => {
      const [row] = await query(
        `select ports.allocate_port(
           $1, 'web', p_idempotency_key => 'key', p_instance => $2
         ) as port`,
        [project.name, instance],
      )
      return row!.port
    }
    expect([await get(''), await get('copy'), await get(''), await get('copy')]).toEqual([
      ...[project.start, project.start + 1, project.start, project.start + 1],
    ])
  })

  it.each(['-copy', 'a/b', 'a'.repeat(64), 'x\n'])('refuse the instance %j', async (instance) => {
    const project = await newProject()
    const allocated = query(`select ports.allocate_port($1, 'web', p_instance => $2)`, [
      project.name,
      instance,
    ])
    expect(['22001', '23514']).toContain(await ending(allocated))
  })

  it('say that the last free numbers stay locked, and wait for no end of it', async () => {
    const project = await newProject(1)
    await offerNumbers(project)
    const holder = await Session.open(url)
    await holder.begin()
    await holder.query(ALLOCATE, [project.name, 'web'])
    await expect(query(ALLOCATE, [project.name, 'api'])).rejects.toMatchObject({ code: '55P03' })
    await holder.rollback()
    expect(await allocate(project, 'api')).toBe(project.start)
  })

  it('give a number to a waiting call if the call that was taking it fails', async () => {
    const project = await newProject(1)
    await offerNumbers(project)
    const [holder, waiter] = [await Session.open(url), await Session.open(url)]
    await holder.begin()
    await holder.query(ALLOCATE, [project.name, 'web'])
    const allocated = waiter.value<number>(ALLOCATE, [project.name, 'api'])
    await waiter.waiting()
    await holder.rollback()
    expect(await allocated).toBe(project.start)
  })

  it('report a full range after the last number was taken', async () => {
    const project = await newProject(1)
    await offerNumbers(project)
    const [holder, waiter] = [await Session.open(url), await Session.open(url)]
    await holder.begin()
    await holder.query(ALLOCATE, [project.name, 'web'])
    const allocated = waiter.value<number>(ALLOCATE, [project.name, 'api'])
    await waiter.waiting()
    await holder.commit()
    expect(await ending(allocated)).toBe('ZP002')
  })

  it('take a whole range in one transaction and give it back when that is rolled back', async () => {
    const project = await newProject(300)
    const session = await Session.open(url)
    await session.begin()
    const taken = await session.query<{ port: number }>(
      'select ports.allocate_port($1, $2) as port from generate_series(1, 300)',
      [project.name, 'web'],
    )
    expect(ascending(taken.map(({ port }) => port))).toEqual(numbers(project.start, project.end))
    await session.rollback()
    expect(await drain(project)).toEqual(numbers(project.start, project.end))
  })
})
