import { sql } from '@ports/testkit/vitest'
import { describe, expect, it } from 'vitest'
import { ending, numbers, Session } from '../sessions.js'
import {
  allocate,
  drain,
  livePorts,
  newProject,
  offerNumbers,
  type Project,
  query,
  url,
} from './projects.js'

/** The number of deadlocks that the server has ended. */
async function deadlocks(): Promise<number> {
  // PostgreSQL 14 does not have it, and its statistics come by themselves.
  await sql(url, 'select pg_stat_force_next_flush()').catch(() => {})
  const [row] = await sql<{ deadlocks: number }>(
    url,
    `select deadlocks::integer
     from pg_stat_database
     where datname = current_database()`,
  )
  return row!.deadlocks
}

/** Sessions in which a deadlock would be found at once, and how each of their calls ended. */
async function load(count: number, work: (session: Session, nth: number) => Promise<string[]>) {
  const sessions = await Promise.all(numbers(1, count).map(() => Session.open(url)))
  for (const session of sessions) await session.query(`set deadlock_timeout = '10ms'`)
  return new Set((await Promise.all(sessions.map(work))).flat())
}

/** The parameters of a batch of calls for these services, each in the project's scopes. */
function batch(project: Project, services: readonly string[], protocol: string | null) {
  const all = <Value>(value: Value) => services.map(() => value)
  return [all(project.name), services, all('localhost'), all(protocol), all(null), all('')]
}

const ALLOCATE_MANY = 'select * from ports.allocate_ports($1, $2, $3, $4, $5, $5, $5, $6, $5)'
const RELEASE_MANY = 'select * from ports.release_many($1, $2, $3, $4, $5, $6, $7)'
const CLAIM = 'select ports.claim_port($1, $2, $3)'
const CHECK_ALL = `
  select ports.record_health_checks(array_agg(id order by random()), array_agg('listening'::text))
  from ports.allocations`

describe('concurrent calls take their locks in one order', () => {
  it('when fifty callers allocate and release while a range is offered in parts', async () => {
    const project = await newProject(400)
    const endings = await load(50, async (session, nth) => {
      const all: string[] = []
      for (const round of numbers(1, 20)) {
        const values = [project.name, `service-${nth}`]
        all.push(await ending(session.query('select ports.allocate_port($1, $2)', values)))
        if (round % 3 > 0) {
          all.push(await ending(session.query('select ports.release_ports($1, $2)', values)))
        }
      }
      return all
    })
    expect(endings).toEqual(new Set(['done']))
    expect(await deadlocks()).toBe(0)
  })

  it('when services with ports of both protocols come and go, alone and together, and are audited', async () => {
    const project = await newProject(400)
    const services = numbers(1, 6).map((nth) => `service-${nth}`)
    const endings = await load(12, async (session, nth) => {
      const all: string[] = []
      const order = nth % 2 === 0 ? services : services.toReversed()
      for (const round of numbers(1, 40)) {
        const ask = async (text: string, values: unknown[] = []) => {
          all.push(await ending(session.query(text, values)))
        }
        const service = services[(nth + round) % services.length]
        if (nth % 4 === 0) {
          await ask(CHECK_ALL)
          continue
        }
        if (nth % 4 === 1) {
          for (const protocol of ['udp', 'tcp']) {
            await ask(ALLOCATE_MANY, batch(project, order, protocol))
          }
          await ask(RELEASE_MANY, [...batch(project, order, null), order])
          continue
        }
        for (const protocol of round % 2 === 0 ? ['tcp', 'udp'] : ['udp', 'tcp']) {
          await ask(`select ports.allocate_port($1, $2, 'localhost', $3)`, [
            ...[project.name, service, protocol],
          ])
        }
        await ask(`select ports.update_ports($1, $2, $3)`, [
          ...[project.name, service, JSON.stringify({ description: `Round ${round}` })],
        ])
        await ask('select ports.release_ports($1, $2)', [project.name, service])
      }
      return all
    })
    // A batch is repeated call by call if another transaction gave one of its services a port.
    endings.delete('23505')
    endings.delete('40001')
    expect(endings).toEqual(new Set(['done']))
    expect(await deadlocks()).toBe(0)
  })

  it('when batches for both protocols meet single calls for their services', async () => {
    const project = await newProject(400)
    const services = numbers(1, 6).map((nth) => `service-${nth}`)
    const endings = await load(12, async (session, nth) => {
      const all: string[] = []
      for (const round of numbers(1, 30)) {
        const ask = async (text: string, values: unknown[]) => {
          all.push(await ending(session.query(text, values)))
        }
        const order = [...services.slice(nth % 6), ...services.slice(0, nth % 6)]
        const service = services[(nth + round) % services.length]
        if (nth % 3 === 0) {
          const items = order.map((each) => ({ service: each, protocols: ['tcp', 'udp'] }))
          await ask(`select from ports.allocate_batch($1, $2, p_description => $3)`, [
            ...[project.name, JSON.stringify(items), `Round ${round}`],
          ])
          await ask(RELEASE_MANY, [...batch(project, order, null), order])
        } else if (nth % 3 === 1) {
          await ask(ALLOCATE_MANY, batch(project, order, 'tcp'))
          await ask(`select ports.claim_port($1, $2, $3)`, [
            ...[project.name, service, project.start + round],
          ])
          await ask('select ports.release_ports($1, $2)', [project.name, service])
        } else {
          await ask('select ports.get_or_allocate_port($1, $2)', [project.name, service])
          await ask('select ports.update_ports($1, $2, $3)', [
            ...[project.name, service, JSON.stringify({ description: `By ${nth}` })],
          ])
          await ask('select ports.release_ports($1, $2)', [project.name, service])
        }
      }
      return all
    })
    // As in the test before; and a service may hold something else, or somebody the number.
    for (const refused of ['23505', '40001', 'ZP003', 'ZP008']) endings.delete(refused)
    expect(endings).toEqual(new Set(['done']))
    expect(await deadlocks()).toBe(0)
  })

  it.each(['read committed', 'repeatable read'])(
    'when services move, are claimed for, come and go at %s while numbers are reserved',
    async (level) => {
      const project = await newProject(60)
      const services = numbers(1, 6).map((nth) => `service-${nth}`)
      const endings = await load(12, async (session, nth) => {
        await session.query(`set default_transaction_isolation = '${level}'`)
        const all: string[] = []
        for (const round of numbers(1, 40)) {
          const ask = async (text: string, values: unknown[] = []) => {
            all.push(await ending(session.query(text, values)))
          }
          const order = [...services.slice(nth % 6), ...services.slice(0, nth % 6)]
          const service = services[(nth + round) % services.length]
          const number = project.start + ((nth * 7 + round * 11) % 60)
          if (nth % 6 < 2) {
            await ask('select ports.get_or_allocate_port($1, $2)', [project.name, service])
            await ask('select ports.move_port($1, $2, $3)', [project.name, service, number])
          } else if (nth % 6 === 2) {
            await ask('select ports.claim_port($1, $2, $3)', [project.name, service, number])
            await ask('select ports.release_ports($1, $2)', [project.name, service])
          } else if (nth % 6 === 3) {
            const items = order.map((each) => ({ service: each, protocols: ['tcp', 'udp'] }))
            await ask(`select from ports.allocate_batch($1, $2, p_description => $3)`, [
              ...[project.name, JSON.stringify(items), `Round ${round}`],
            ])
            await ask(RELEASE_MANY, [...batch(project, order, null), order])
          } else if (nth % 6 === 4) {
            await ask(CHECK_ALL)
            await ask('select ports.update_ports($1, $2, $3)', [
              ...[project.name, service, JSON.stringify({ description: `By ${nth}` })],
            ])
          } else {
            const first = project.start + (round % 50)
            await ask(`select ports.reserve_ports($1, $2, 'migration')`, [first, first + 5])
            await ask('select ports.allocate_port($1, $2)', [project.name, service])
            await ask('select ports.unreserve_ports($1, $2)', [first, first + 5])
          }
        }
        return all
      })
      // Others hold the number or reserved it, a service holds something else, or others were ahead.
      for (const refused of ['ZP003', 'ZP008', 'ZP011', '40001']) endings.delete(refused)
      expect(endings).toEqual(new Set(['done']))
      expect(await deadlocks()).toBe(0)
      // No number was lost.
      await query('delete from ports.port_reservations')
      for (const service of services) {
        await query('select ports.release_ports($1, $2)', [project.name, service])
      }
      expect(await drain(project)).toEqual(numbers(project.start, project.end))
    },
  )

  it('when a claim that waits for a number meets a move of its service to that number', async () => {
    const project = await newProject()
    await offerNumbers(project)
    const wanted = project.start + 7
    const taker = await Session.open(url)
    await taker.begin()
    await taker.query(CLAIM, [project.name, 'taker', wanted])
    const [claimer, mover] = [await Session.open(url), await Session.open(url)]
    const claimed = claimer.query(CLAIM, [project.name, 'web', wanted])
    await claimer.waiting()
    await query(CLAIM, [project.name, 'web', project.start + 5])
    const moved = mover.query('select ports.move_port($1, $2, $3)', [project.name, 'web', wanted])
    await mover.waiting()
    await taker.rollback()
    const endings = [await ending(claimed), await ending(moved)]
    // The second one may be told that the service holds the number.
    expect(endings).toContain('done')
    for (const other of endings) expect(['done', 'ZP003']).toContain(other)
    expect(await livePorts(project)).toContain(wanted)
    expect(await deadlocks()).toBe(0)
  })

  it('when ranges change while others allocate', async () => {
    const project = await newProject(200)
    const endings = await load(12, async (session, nth) => {
      const all: string[] = []
      for (const round of numbers(1, 30)) {
        const ask = async (text: string, values: unknown[]) => {
          all.push(await ending(session.query(text, values)))
        }
        if (nth < 2) {
          await ask('select ports.resize_range($1, $2, $3)', [
            ...[project.name, project.start - (round % 2) * 10, project.end - (round % 3) * 50],
          ])
        } else if (nth === 2) {
          await ask('select ports.create_range($1, $2, $2)', [`other-${round}`, 20_000 + round])
          await ask('select ports.delete_range($1)', [`other-${round}`])
        } else {
          const scope = [`host-${(nth + round) % 5}`, 'tcp']
          const values = [project.name, `service-${nth}`, ...scope]
          await ask('select ports.allocate_port($1, $2, $3, $4)', values)
          await ask('select ports.release_ports($1, $2, $3, $4)', values)
        }
      }
      return all
    })
    // A range in use is not drawn past what is held.
    endings.delete('ZP006')
    expect(endings).toEqual(new Set(['done']))
    expect(await deadlocks()).toBe(0)
  })
})

it('a batch releases what it locked, and not what a service gets meanwhile', async () => {
  const project = await newProject()
  const port = await allocate(project)
  const holder = await Session.open(url)
  await holder.begin()
  await holder.query(
    `select from ports.port_allocations where port_number = $1 and status <> 'released' for update`,
    [port],
  )
  const releaser = await Session.open(url)
  const released = releaser.query(RELEASE_MANY, [
    ...batch(project, ['web', 'web'], null),
    ['first', 'second'],
  ])
  await releaser.waiting()
  expect(await allocate(project)).toBe(port + 1)
  await holder.rollback()
  expect(await released).toEqual([
    { turn: 1, released: [{ portNumber: port, protocol: 'tcp' }] },
    { turn: 2, released: [] },
  ])
  expect(await livePorts(project)).toEqual([port + 1])
})

it.each([
  ['higher', 7],
  ['lower', 2],
])(
  'a move to a %s number takes along what another call changes meanwhile',
  async (_where, offset) => {
    const project = await newProject()
    await offerNumbers(project)
    await query(CLAIM, [project.name, 'web', project.start + 5])
    const updater = await Session.open(url)
    await updater.begin()
    await updater.query('select ports.update_ports($1, $2, $3)', [
      ...[project.name, 'web', JSON.stringify({ description: 'Storefront' })],
    ])
    const mover = await Session.open(url)
    const moved = mover.query('select ports.move_port($1, $2, $3)', [
      ...[project.name, 'web', project.start + offset],
    ])
    await mover.waiting()
    await updater.commit()
    await moved
    expect(
      await query(
        `select port_number, description from ports.allocations where project_name = $1`,
        [project.name],
      ),
    ).toEqual([{ port_number: project.start + offset, description: 'Storefront' }])
  },
)

describe('no call waits', () => {
  it('for an advisory lock, because no call takes one', async () => {
    const project = await newProject()
    const stranger = await Session.open(url)
    await stranger.query('begin')
    for (const service of ['web', 'api']) {
      await stranger.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
        `${project.name}/${service}/tcp/localhost`,
      ])
    }
    const session = await Session.open(url)
    await session.begin()
    for (const [text, values] of [
      [`select ports.allocate_port($1, 'web')`, [project.name]],
      [`select ports.get_or_allocate_port($1, 'api')`, [project.name]],
      [`select ports.update_ports($1, 'web', '{"description": "One"}')`, [project.name]],
      [CHECK_ALL, []],
      [`select ports.note_network('alpha', 'initial')`, []],
      [ALLOCATE_MANY, batch(project, ['web', 'late'], 'udp')],
      [`select from ports.allocate_batch($1, '[{"service": "web", "count": 1}]')`, [project.name]],
      [RELEASE_MANY, [...batch(project, ['web', 'api'], null), ['x', 'y']]],
      [`select ports.create_next_range('next', 10, 3000, 32767)`, []],
      [`select ports.resize_range('next', 2990, 2999)`, []],
      [`select ports.delete_range('next')`, []],
    ] as const) {
      await session.query(text, [...values])
    }
    expect(
      await session.query(
        `select from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()`,
      ),
    ).toEqual([])
    await session.commit()
    expect(await livePorts(project)).toHaveLength(1)
    await stranger.rollback()
  })

  it('for another project that is stuck', async () => {
    const [stuck, other] = [await newProject(), await newProject()]
    const holder = await Session.open(url)
    await holder.begin()
    await holder.query('update ports.projects set settings = settings where name = $1', [
      stuck.name,
    ])
    const waiter = await Session.open(url)
    const waiting = waiter.value<number>(`select ports.allocate_port($1, 'web')`, [stuck.name])
    await waiter.waiting()
    expect(await drain(other)).toEqual(numbers(other.start, other.end))
    await holder.rollback()
    expect(await waiting).toBe(stuck.start)
  })

  it('for longer than five seconds, whatever the session says, and nothing is changed', async () => {
    const project = await newProject()
    const holder = await Session.open(url)
    await holder.begin()
    await holder.query('update ports.projects set settings = settings where name = $1', [
      project.name,
    ])
    const session = await Session.open(url)
    await session.query('set lock_timeout = 0')
    const refused = session.query(`select ports.allocate_port($1, 'web')`, [project.name])
    expect(await ending(refused)).toBe('55P03')
    await holder.rollback()
    expect(await livePorts(project)).toEqual([])
    expect(await allocate(project)).toBe(project.start)
  })
})

describe('the last number of a range', () => {
  it.each([
    ['allocate_port', `select ports.allocate_port($1, 'web', p_idempotency_key => 'key')`],
    ['get_or_allocate_port', `select ports.get_or_allocate_port($1, 'web')`],
  ])('is given to all callers that ask %s for the same service', async (_name, text) => {
    const project = await newProject(1)
    const [first, second] = [await Session.open(url), await Session.open(url)]
    await first.begin()
    expect(await first.value(text, [project.name])).toBe(project.start)
    const other = second.value<number>(text, [project.name])
    await second.waiting()
    await first.commit()
    expect(await other).toBe(project.start)
    expect(await livePorts(project)).toEqual([project.start])
  })
})
