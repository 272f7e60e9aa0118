import { describe, expect, it } from 'vitest'
import { ascending, ending, ISOLATION_LEVELS, numbers, Session } from '../sessions.js'
import {
  ALLOCATE,
  allocate,
  at,
  drain,
  livePorts,
  newProject,
  offerNumbers,
  type Project,
  query,
  url,
} from './projects.js'

const CLAIM = 'select ports.claim_port($1, $2, $3)'
const GET = 'select ports.get_or_allocate_port($1, $2)'

const RESERVE = `select ports.reserve_ports($1, $2, 'migration')`

async function reserve(first: number, last: number): Promise<void> {
  await query(RESERVE, [first, last])
}

function next(project: Project) {
  return query('select ports.find_available_port($1) as port', [project.name])
}

describe('find_available_port', () => {
  it('tells the number that the next allocation gets, offered or not', async () => {
    const project = await newProject(200)
    await reserve(project.start, project.start + 99)
    expect(await next(project)).toEqual([{ port: project.start + 100 }])
    expect(await allocate(project)).toBe(project.start + 100)
    expect(await next(project)).toEqual([{ port: project.start + 101 }])
    await reserve(project.start + 101, project.start + 199)
    expect(await next(project)).toEqual([{ port: null }])
    await query('select ports.unreserve_ports($1, $2)', [project.start, project.start + 99])
    expect(await next(project)).toEqual([{ port: project.start }])
  })
})

describe('a reservation', () => {
  it('ends by the database’s clock, and is deleted when others change', async () => {
    const project = await newProject()
    await reserve(project.start, project.start + 2)
    expect(await allocate(project)).toBe(project.start + 3)
    await query(`update ports.port_reservations set ends_at = now() - interval '1 second'`)
    expect(await query('select from ports.reservations')).toEqual([])
    expect(await next(project)).toEqual([{ port: project.start }])
    expect(await allocate(project)).toBe(project.start)
    await query(CLAIM, [project.name, 'web', project.start + 1])
    const counted = 'select reserved, withheld from ports.count_withheld($1, $2, $3, $4)'
    expect(await query(counted, [project.name, 'localhost', 'tcp', '{}'])).toEqual([
      { reserved: 0, withheld: 0 },
    ])
    await reserve(project.end, project.end)
    expect(await query('select start_port from ports.port_reservations')).toEqual([
      { start_port: project.end },
    ])
  })

  it('that has ended is made anew, with who asks for it now', async () => {
    const project = await newProject()
    await reserve(project.start, project.start)
    await query(`update ports.port_reservations set ends_at = now() - interval '1 second'`)
    const again = await query(
      `select actor, ends_at from ports.reserve_ports($1, $1, 'r', null,
      p_actor => 'ann')`,
      [project.start],
    )
    expect(again).toEqual([{ actor: 'ann', ends_at: null }])
    const events = await query(`select before from ports.events where what = 'reserved'`)
    expect(events).toEqual([{ before: null }, { before: null }])
  })

  it.each(ISOLATION_LEVELS)(
    'applies to transactions that begin after its commit, at %s',
    async (level) => {
      const project = await newProject()
      const early = await Session.open(url)
      await early.begin(level)
      const reserver = await Session.open(url)
      await reserver.begin(level)
      await reserver.query(RESERVE, [project.start, project.start + 4])
      // Not before, and nobody waits for it.
      expect(await at(level, ALLOCATE, [project.name, 'before'])).toHaveLength(1)
      await reserver.commit()
      await at(level, GET, [project.name, 'after'])
      const claim = ending(at(level, CLAIM, [project.name, 'after', project.start + 1]))
      expect(await claim).toBe('ZP011')
      expect(await livePorts(project)).toEqual([project.start, project.start + 5])
      // What began before may go by what it sees.
      const given = await ending(early.query(GET, [project.name, 'early']))
      expect(['done', '40001']).toContain(given)
    },
  )

  it.each(ISOLATION_LEVELS.slice(0, 2))(
    'keeps its numbers from all who ask after its acknowledgement, at %s',
    async (level) => {
      const project = await newProject(400)
      const sessions = await Promise.all(numbers(1, 12).map(() => Session.open(url)))
      for (const session of sessions) {
        await session.query(`set default_transaction_isolation = '${level}'`)
      }
      /** How many numbers from the start are reserved, as far as was acknowledged. */
      let reserved = 0
      let ended = false
      const given: number[] = []
      const reserver = (async () => {
        for (const count of [20, 50, 90, 140]) {
          await reserve(project.start, project.start + count - 1)
          reserved = count
        }
        ended = true
      })()
      const allocating = sessions.map(async (session, nth) => {
        const service = `service-${nth}`
        for (let round = 0; round < 5 || !ended; round++) {
          const least = project.start + reserved
          const asked =
            nth % 3 === 0
              ? session.query(
                  'select (allocation).port_number as port from ports.allocate_batch($1, $2)',
                  [project.name, JSON.stringify([{ service, count: 3, contiguous: true }])],
                )
              : session.query(`select ports.allocate_port($1, $2) as port`, [project.name, service])
          const outcome = await ending(asked)
          if (outcome === 'done') {
            const ports = (await asked).map((row) => row.port as number)
            expect(Math.min(...ports)).toBeGreaterThanOrEqual(least)
            given.push(...ports)
          } else {
            expect(outcome).toBe('40001')
          }
          const released = session.query('select ports.release_ports($1, $2)', [
            ...[project.name, service],
          ])
          expect(['done', '40001']).toContain(await ending(released))
        }
      })
      await Promise.all([reserver, ...allocating])
      expect(given.length).toBeGreaterThan(0)
      // None is lost: what is left can be had.
      for (const [nth] of sessions.entries()) {
        await query('select ports.release_ports($1, $2)', [project.name, `service-${nth}`])
      }
      expect(await drain(project)).toEqual(numbers(project.start + 140, project.end))
    },
  )

  it.each(ISOLATION_LEVELS.slice(1))('is made by one of two at once at %s', async (level) => {
    const project = await newProject()
    const bounds = [project.start, project.end]
    const [first, second] = [await Session.open(url), await Session.open(url)]
    for (const session of [first, second]) await session.begin(level)
    await first.query(RESERVE, bounds)
    const other = ending(second.query(RESERVE, bounds))
    await second.waiting()
    await first.commit()
    expect(await other).toBe('40001')
  })

  it('of all that is left ends the search of who asks while others take the last', async () => {
    const project = await newProject(20)
    await reserve(project.start + 5, project.end)
    const sessions = await Promise.all(numbers(1, 10).map(() => Session.open(url)))
    const outcomes = await Promise.all(
      sessions.map(async (session, nth) => {
        const asked = session.value<number>(ALLOCATE, [project.name, `service-${nth}`])
        const outcome = await ending(asked)
        return outcome === 'done' ? await asked : outcome
      }),
    )
    const given = outcomes.filter((outcome) => typeof outcome === 'number')
    expect(ascending(given)).toEqual(numbers(project.start, project.start + 4))
    expect(new Set(outcomes.filter((it) => typeof it === 'string'))).toEqual(new Set(['ZP002']))
  })

  it('is a conflict of an import if the service releases the number meanwhile', async () => {
    const project = await newProject()
    await offerNumbers(project)
    const [free, held] = [project.start + 2, project.start + 5]
    await query(CLAIM, [project.name, 'web', held])
    await reserve(held, held)
    const taker = await Session.open(url)
    await taker.begin()
    await taker.query(CLAIM, [project.name, 'other', free])
    const importer = await Session.open(url)
    const row = { projectName: project.name, hostname: 'localhost', protocol: 'tcp' }
    const rows = [
      { ...row, serviceName: 'api', portNumber: free },
      { ...row, serviceName: 'web', portNumber: held },
    ]
    const imported = importer.query(
      'select turn, outcome, conflict from ports.import_ports($1, true) order by turn',
      [JSON.stringify(rows)],
    )
    await importer.waiting()
    await query('select ports.release_ports($1, $2)', [project.name, 'web'])
    await taker.rollback()
    expect(await imported).toEqual([
      { turn: 1, outcome: 'claimed', conflict: null },
      { turn: 2, outcome: 'conflict', conflict: expect.objectContaining({ reason: 'migration' }) },
    ])
    expect(await livePorts(project)).toEqual([free])
  })
})
