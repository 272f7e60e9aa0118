import { describe, expect, it } from 'vitest'
import { passTime } from '../passTime.js'
import { ending, ISOLATION_LEVELS, Session } from '../sessions.js'
import { CREATE_RANGE, newProject, type Project, query, RESIZE, url } from './projects.js'

const HOUR = 3_600

/** Gives the service its port, or one more, with a lease; returns the number. */
async function lease(project: Project, service: string, seconds = HOUR): Promise<number> {
  const [row] = await query(`select ports.allocate_port($1, $2, p_ttl => $3) as port`, [
    project.name,
    service,
    seconds,
  ])
  return row!.port
}

/** So that the lease has ended by the clock and nothing was done about it. */
async function leaseThatHasEnded(project: Project, service: string): Promise<number> {
  const port = await lease(project, service)
  await passTime(url, HOUR)
  return port
}

/** A session that holds the row of the number locked. */
async function lockerOf(port: number, protocol = 'tcp'): Promise<Session> {
  const locker = await Session.open(url)
  await locker.begin()
  await locker.query(
    `select from ports.port_allocations where port_number = $1 and protocol = $2 for update`,
    [port, protocol],
  )
  return locker
}

/** Lets the lease of a number end so soon that a call can still be made before. */
async function endSoon(port: number): Promise<void> {
  await query(
    `update ports.port_allocations
     set ends_at = clock_timestamp() + interval '400 milliseconds'
     where port_number = $1`,
    [port],
  )
}

/** Until the lease has ended by the clock of the server. */
async function untilEnded(port: number): Promise<void> {
  await query(
    `select pg_sleep(extract(epoch from max(ends_at) - clock_timestamp()) + 0.001)
     from ports.port_allocations
     where port_number = $1`,
    [port],
  )
}

const RENEW = 'select * from ports.renew_ports($1, $2, 600)'
const GET = 'select ports.get_or_allocate_port($1, $2)'
const CLAIM = 'select ports.claim_port($1, $2, $3)'
const MOVE = 'select moved from ports.move_port($1, $2, $3)'
const BATCH = 'select from ports.allocate_batch($1, $2)'
const CHECK_ALL = `
  select ports.record_health_checks(array_agg(id), array_agg('listening'::text))
  from ports.allocations`

function items(...services: string[]): string {
  return JSON.stringify(services.map((service) => ({ service })))
}

/** A row to import. */
function row(projectName: string, serviceName: string, portNumber: number) {
  const scope = { hostname: 'localhost', protocol: 'tcp' }
  return { projectName, serviceName, portNumber, ...scope, description: 'Storefront' }
}

async function holders() {
  return query(
    `select service_name as service, port_number as port
     from ports.allocations
     order by port_number, id`,
  )
}

async function endedLeases(): Promise<number[]> {
  const rows = await query(
    `select port_number from ports.events where what = 'lease-ended' order by id`,
  )
  return rows.map((row) => row.port_number)
}

/** What wants the number of a lease at the moment when it ends. */
const TAKERS: Record<string, (project: Project, port: number) => [string, unknown[]]> = {
  'its service that asks again': ({ name }) => [GET, [name, 'web']],
  'a service that asks': ({ name }) => [GET, [name, 'api']],
  'a claim': ({ name }, port) => [CLAIM, [name, 'api', port]],
  'a batch': ({ name }) => [BATCH, [name, items('api')]],
  'an import': ({ name }, port) => [
    'select outcome from ports.import_ports($1)',
    [JSON.stringify([row(name, 'api', port)])],
  ],
  'a smaller range': ({ name, start }) => [RESIZE, [name, start + 1, start + 9]],
}

describe.each(ISOLATION_LEVELS)('at %s', (level) => {
  it.each(Object.entries(TAKERS))(
    'a lease that is renewed in time is not ended by %s',
    async (who, take) => {
      const project = await newProject(1)
      const port = await lease(project, 'web')
      await endSoon(port)
      const holder = await Session.open(url)
      await holder.begin()
      expect(await holder.query(RENEW, [project.name, 'web'])).toHaveLength(1)
      await untilEnded(port)
      const taker = await Session.open(url)
      await taker.begin(level)
      const taken = taker.query(...take(project, port))
      await taker.waiting()
      await holder.commit()
      const outcome = await ending(taken)
      await taker.query('commit')
      const refusals: Record<string, string> = {
        'its service that asks again': 'done',
        'a service that asks': 'ZP002',
        'a claim': 'ZP003',
        'a batch': 'ZP002',
        'an import': 'done',
        'a smaller range': 'ZP006',
      }
      if (level !== 'read committed' && outcome === '40001') {
        // It may only be told that others were ahead.
      } else {
        expect(outcome).toBe(refusals[who])
      }
      expect(await holders()).toEqual([{ service: 'web', port }])
      expect(await endedLeases()).toEqual([])
    },
  )

  it.each(Object.entries(TAKERS))(
    'a lease whose renewal is rolled back is ended by %s',
    async (who, take) => {
      const project = await newProject(1)
      const port = await lease(project, 'web')
      await endSoon(port)
      const holder = await Session.open(url)
      await holder.begin()
      await holder.query(RENEW, [project.name, 'web'])
      await untilEnded(port)
      const taker = await Session.open(url)
      await taker.begin(level)
      const taken = taker.query(...take(project, port))
      await taker.waiting()
      await holder.rollback()
      expect(await ending(taken)).toBe('done')
      await taker.commit()
      if (who === 'a smaller range') {
        expect(await holders()).toEqual([])
      } else {
        expect(await holders()).toEqual([{ service: who.startsWith('its') ? 'web' : 'api', port }])
      }
      expect(await endedLeases()).toEqual([port])
    },
  )

  it('a renewal that waited until its lease had ended is refused', async () => {
    const project = await newProject(1)
    const port = await lease(project, 'web')
    await endSoon(port)
    const locker = await lockerOf(port)
    const holder = await Session.open(url)
    await holder.begin(level)
    const renewed = holder.query(RENEW, [project.name, 'web'])
    await holder.waiting()
    await untilEnded(port)
    await locker.rollback()
    expect(await ending(renewed)).toBe('ZP012')
    await holder.rollback()
    expect(await holders()).toEqual([])
  })

  it.each([
    ['ensure_port', `select from ports.ensure_port($1, 'web', p_ttl => 600)`],
    [
      'allocate_batch',
      `select from ports.allocate_batch($1, '[{"service": "web"}]', p_ttl => 600)`,
    ],
  ])(
    '%s that waited until the lease had ended lets the call that ends it go ahead',
    async (_name, text) => {
      const project = await newProject(1)
      const port = await lease(project, 'web')
      await endSoon(port)
      const locker = await lockerOf(port)
      const [first, second] = [await Session.open(url), await Session.open(url)]
      for (const session of [first, second]) {
        await session.query(`set deadlock_timeout = '10ms'`)
        await session.query(`set default_transaction_isolation = '${level}'`)
      }
      const renewed = first.query(text, [project.name])
      await first.waiting()
      await untilEnded(port)
      const ended = second.query(text, [project.name])
      await second.waiting()
      await locker.rollback()
      const outcomes = [await ending(renewed), await ending(ended)]
      expect(outcomes).toContain('done')
      for (const other of outcomes) {
        expect(['done', ...(level === 'read committed' ? [] : ['40001'])]).toContain(other)
      }
      expect(await holders()).toEqual([{ service: 'web', port }])
      expect(await endedLeases()).toEqual([port])
    },
  )

  it('a renewal is refused while another call ends the lease, and after it was ended', async () => {
    const project = await newProject(1)
    const port = await leaseThatHasEnded(project, 'web')
    const taker = await Session.open(url)
    await taker.begin(level)
    await taker.query(GET, [project.name, 'api'])
    const holder = await Session.open(url)
    await holder.begin(level)
    expect(await ending(holder.query(RENEW, [project.name, 'web']))).toBe('ZP012')
    await holder.rollback()
    await taker.commit()
    expect(await ending(holder.query(RENEW, [project.name, 'web']))).toBe('ZP012')
    expect(await holders()).toEqual([{ service: 'api', port }])
    expect(await endedLeases()).toEqual([port])
  })

  it('a service that asks twenty times at once at the end of its lease has one port', async () => {
    const project = await newProject(30)
    const sessions = await Promise.all(Array.from({ length: 20 }, () => Session.open(url)))
    await lease(project, 'web')
    for (let round = 0; round < 8; round++) {
      await query(
        `update ports.port_allocations
         set ends_at = clock_timestamp() + interval '8 milliseconds'
         where status <> 'released'`,
      )
      const asked = sessions.map(async (session) => {
        await session.begin(level)
        const answer = session.value<number>(
          `select port_number from ports.ensure_port($1, 'web', p_ttl => 600)`,
          [project.name],
        )
        const outcome = await ending(answer)
        await session.query('commit')
        return outcome === 'done' ? await answer : outcome
      })
      const answers = new Set(await Promise.all(asked))
      if (level !== 'read committed') answers.delete('40001')
      expect(answers).toEqual(new Set([project.start]))
      expect(await holders()).toEqual([{ service: 'web', port: project.start }])
    }
  })
})

describe('a number whose lease has ended while somebody has locked it', () => {
  const asks: [string, (project: Project) => [string, unknown[]], string][] = [
    ['get_or_allocate_port', ({ name }) => [GET, [name, 'api']], 'ZP002'],
    ['allocate_batch', ({ name }) => [BATCH, [name, items('api')]], 'ZP002'],
    ['resize_range', ({ name, start }) => [RESIZE, [name, start + 1, start + 9]], 'ZP006'],
  ]

  it.each(asks)('is waited for by %s', async (_name, call) => {
    const project = await newProject(1)
    const port = await leaseThatHasEnded(project, 'web')
    const locker = await lockerOf(port)
    const session = await Session.open(url)
    const asked = session.query(...call(project))
    await session.waiting()
    await locker.rollback()
    expect(await ending(asked)).toBe('done')
    expect(await endedLeases()).toEqual([port])
  })

  it.each(asks)('and who renews it is not given by %s', async (_name, call, refusal) => {
    const project = await newProject(1)
    const port = await leaseThatHasEnded(project, 'web')
    const locker = await lockerOf(port)
    await locker.query(
      `update ports.port_allocations set ends_at = now() + interval '1 hour' where port_number = $1`,
      [port],
    )
    const session = await Session.open(url)
    const asked = session.query(...call(project))
    await session.waiting()
    await locker.commit()
    expect(await ending(asked)).toBe(refusal)
    expect(await holders()).toEqual([{ service: 'web', port }])
  })

  it('does not keep others from what is free', async () => {
    const project = await newProject(3)
    const port = await leaseThatHasEnded(project, 'web')
    const locker = await lockerOf(port)
    const session = await Session.open(url)
    expect(await session.value(GET, [project.name, 'api'])).toBe(port + 1)
    await session.query(BATCH, [project.name, items('one')])
    await locker.rollback()
    expect((await holders()).map((held) => held.port)).toEqual([port + 1, port + 2])
  })
})

/** The number of deadlocks that the server has ended. */
async function deadlocks(): Promise<number> {
  await query('select pg_stat_force_next_flush()').catch(() => {})
  const [row] = await query(
    `select deadlocks::integer from pg_stat_database where datname = current_database()`,
  )
  return row!.deadlocks
}

// An audit locks all that is held, in the order of the numbers. It looked before the lease ended.
describe('an audit that waits for a number whose lease has ended since does not deadlock with', () => {
  const calls: [string, (project: Project) => [string, unknown[]]][] = [
    ['a move', ({ name, start }) => [MOVE, [name, 'web', start + 8]]],
    [
      'a batch that renews a lease and gives a port',
      ({ name }) => [
        `select from ports.allocate_batch($1, $2, p_description => 'Storefront')`,
        [name, items('web', 'new')],
      ],
    ],
    [
      'a batch with a service whose lease has ended',
      ({ name }) => [
        `select from ports.allocate_batch($1, $2, p_description => 'Storefront')`,
        [name, items('web', 'ending')],
      ],
    ],
    [
      'an import',
      (project) => [
        'select outcome from ports.import_ports($1)',
        [
          JSON.stringify([
            row(project.name, 'web', project.start),
            row(project.name, 'new', project.start + 2),
          ]),
        ],
      ],
    ],
  ]

  it.each(calls)('%s', async (_name, call) => {
    const project = await newProject()
    const first = await lease(project, 'web', 10 * HOUR)
    const second = await lease(project, 'api', 10 * HOUR)
    const last = await lease(project, 'ending')
    await endSoon(last)
    const locker = await lockerOf(second)
    const auditor = await Session.open(url)
    await auditor.query(`set deadlock_timeout = '10ms'`)
    const audited = auditor.query(CHECK_ALL)
    await auditor.waiting()
    await untilEnded(last)
    const session = await Session.open(url)
    const called = session.query(...call(project))
    await session.waiting()
    await locker.rollback()
    expect(await ending(called)).toBe('done')
    expect(await ending(audited)).toBe('done')
    expect((await holders()).length).toBeGreaterThan(1)
    expect(first).toBe(project.start)
  })

  it('calls for several projects that are committed together, and a move', async () => {
    const [one, other] = [await newProject(), await newProject()]
    const moving = await lease(other, 'web', 10 * HOUR)
    const between = await lease(other, 'api', 10 * HOUR)
    await query(`select ports.allocate_port($1, 'ending', p_protocol => 'udp', p_ttl => 3600)`, [
      one.name,
    ])
    await endSoon(one.start)
    const locker = await lockerOf(between)
    const auditor = await Session.open(url)
    await auditor.query(`set deadlock_timeout = '10ms'`)
    const audited = auditor.query(CHECK_ALL)
    await auditor.waiting()
    await untilEnded(one.start)
    const mover = await Session.open(url)
    const moved = mover.query(MOVE, [other.name, 'web', moving + 5])
    await mover.waiting()
    const session = await Session.open(url)
    const both = [one.name, other.name]
    // The second scope is new to its project, so that the call waits for the project.
    const given = session.query(
      `select from ports.allocate_ports($1, $2, $3, $4, $5, $5, $5, $6, $5)`,
      [both, ['x', 'x'], ['localhost', 'localhost'], ['udp', 'udp'], [null, null], ['', '']],
    )
    await session.waiting()
    await locker.rollback()
    for (const each of [given, audited, moved]) expect(await ending(each)).toBe('done')
  })
})

it('two services claim and move to the numbers of each other when their leases end', async () => {
  const before = await deadlocks()
  const project = await newProject()
  const sessions = await Promise.all(Array.from({ length: 8 }, () => Session.open(url)))
  for (const session of sessions) await session.query(`set deadlock_timeout = '10ms'`)
  const outcomes = new Set<string>()
  for (let round = 0; round < 30; round++) {
    await query(
      `select ports.ensure_port($1, service, p_ttl => 3600)
       from unnest('{web,api}'::text[]) as service`,
      [project.name],
    )
    await query(
      `update ports.port_allocations
       set ends_at = clock_timestamp() + interval '3 milliseconds'
       where status <> 'released'`,
    )
    const asked = sessions.map((session, nth) => {
      const service = nth % 2 === 0 ? 'web' : 'api'
      const text = nth < 4 ? CLAIM : nth < 6 ? MOVE : RENEW
      const values = [project.name, service, project.start + ((nth + round) % 2)]
      return ending(session.query(text, text === RENEW ? values.slice(0, 2) : values))
    })
    for (const outcome of await Promise.all(asked)) outcomes.add(outcome)
    await query('select ports.release_ports($1, service) from unnest($2::text[]) as service', [
      project.name,
      ['web', 'api'],
    ])
  }
  for (const foreseen of ['done', 'ZP003', 'ZP012', '22023']) outcomes.delete(foreseen)
  expect(outcomes).toEqual(new Set())
  expect(await deadlocks()).toBe(before)
})

it.each(['read committed', 'repeatable read'])(
  'calls of all kinds meet leases that end at %s, without a deadlock and without losing a number',
  async (level) => {
    const before = await deadlocks()
    const projects = [await newProject(40), await newProject(40)]
    const services = ['one', 'two', 'three', 'four', 'five']
    const sessions = await Promise.all(Array.from({ length: 12 }, () => Session.open(url)))
    for (const session of sessions) {
      await session.query(`set deadlock_timeout = '10ms'`)
      await session.query(`set default_transaction_isolation = '${level}'`)
    }
    const outcomes = new Set<string>()
    const work = sessions.map(async (session, nth) => {
      for (let round = 0; round < 30; round++) {
        const ask = async (text: string, values: unknown[] = []) => {
          outcomes.add(await ending(session.query(text, values)))
        }
        const project = projects[(nth + round) % 2]!
        const service = services[(nth + round) % services.length]!
        const port = project.start + ((nth * 7 + round * 3) % 12)
        const one = [project.name, service]
        const each = <Value>(value: Value) => services.map(() => value)
        switch (nth % 8) {
          case 0:
            await ask('select ports.ensure_port($1, $2, p_ttl => 600)', one)
            await ask('select ports.allocate_port($1, $2, p_protocol => $3, p_ttl => 600)', [
              ...[...one, 'udp'],
            ])
            break
          case 1:
            await ask(RENEW, one)
            await ask('select ports.release_ports($1, $2)', one)
            break
          case 2:
            await ask(CLAIM, [...one, port])
            await ask(MOVE, [...one, port + 1])
            break
          case 3: {
            const all = services.map((it) => ({ service: it, protocols: ['tcp', 'udp'] }))
            await ask('select from ports.allocate_batch($1, $2, p_ttl => 600)', [
              ...[project.name, JSON.stringify(all)],
            ])
            await ask('select from ports.release_many($1, $2, $3, $4, $5, $6, $7)', [
              ...[each(project.name), services, each('localhost'), each(null), each(null)],
              ...[each(''), each(null)],
            ])
            break
          }
          case 4:
            await ask(CHECK_ALL)
            await ask('select ports.set_rest($1, $2)', [project.name, round % 3])
            break
          case 5: {
            const names = services.map((_, at) => projects[at % 2]!.name)
            await ask('select from ports.allocate_ports($1, $2, $3, $4, $5, $5, $5, $6, $5)', [
              ...[names, services, each('localhost'), each(round % 2 ? 'tcp' : 'udp')],
              ...[each(null), each('')],
            ])
            break
          }
          case 6:
            await ask('select outcome from ports.import_ports($1, true)', [
              JSON.stringify(
                projects.map(({ name, start }) => row(name, service, start + (round % 10))),
              ),
            ])
            await ask(RESIZE, [project.name, project.start, project.end - (round % 5)])
            break
          default:
            // As if time had passed.
            await ask(
              `update ports.port_allocations
               set ends_at = clock_timestamp() + interval '2 milliseconds'
               where id in (
                 select id
                 from ports.port_allocations
                 where ends_at is not null
                 order by hostname, protocol, port_number
                 for update skip locked
               )`,
            )
        }
      }
    })
    await Promise.all(work)
    // Others hold or rest it, a service holds something else or no lease, or others were ahead.
    const foreseen = [
      'done',
      'ZP002',
      'ZP003',
      'ZP006',
      'ZP008',
      'ZP012',
      '22023',
      '40001',
      '23505',
    ]
    for (const each of foreseen) outcomes.delete(each)
    expect(outcomes).toEqual(new Set())
    expect(await deadlocks()).toBe(before)

    // No number was lost.
    for (const project of projects) {
      await query('select ports.set_rest($1, 0)', [project.name])
      for (const service of services) {
        await query('select ports.release_ports($1, $2)', [project.name, service])
      }
    }
    await passTime(url, HOUR)
    for (const project of projects) {
      await query(RESIZE, [project.name, project.start, project.end])
      const [{ available }] = await query(
        `select ports.count_available($1, 'localhost', 'tcp') as available`,
        [project.name],
      )
      expect(available).toBe(40)
      const given = await query(
        `select (allocation).port_number as port
         from ports.allocate_batch($1, '[{"service": "all", "count": 40}]')`,
        [project.name],
      )
      expect(given).toHaveLength(40)
    }
  },
)

describe('a service whose name has the same hash as another', () => {
  it('on a host where a lease has ended, does not wait for that', async () => {
    const project = await newProject()
    await query(CREATE_RANGE, ['hashes', 20_000, 20_000])
    const [pair] = await query(
      `select min(name) as first, max(name) as second
       from (
         select 's' || nth as name, host,
           hashtext('s' || nth || '//' || host) as hash
         from generate_series(1, 300000) as nth
         cross join lateral (values (case when nth % 2 = 0 then 'alpha' else 'localhost' end)) as at (host)
       ) as named
       group by hash
       having count(distinct host) = 2
       limit 1`,
    )
    const [first, second] = [pair!.first as string, pair!.second as string]
    const hostOf = (name: string) => (Number(name.slice(1)) % 2 === 0 ? 'alpha' : 'localhost')
    await query('select ports.allocate_port($1, $2, $3, p_ttl => 3600)', [
      ...[project.name, first, hostOf(first)],
    ])
    await passTime(url, HOUR)
    for (const text of [
      'select ports.get_or_allocate_port($1, $2, $3)',
      'select ports.claim_port($1, $2, $4, $3)',
      'select moved from ports.move_port($1, $2, $4 + 1, null, $3)',
    ]) {
      const values = [project.name, second, hostOf(second), project.start]
      await query(text, text.includes('$4') ? values : values.slice(0, 3))
    }
    const batch = 'select from ports.allocate_batch($1, $2, $3, p_ttl => null)'
    await query(batch, [project.name, items(second), hostOf(second)])
    const [held] = await holders()
    expect(held).toEqual({ service: second, port: project.start + 1 })
  })
})

it('an import that does not get a number because it is reserved leaves it resting', async () => {
  const project = await newProject()
  await query('select ports.set_rest($1, 3600)', [project.name])
  await query(CLAIM, [project.name, 'web', project.start])
  await query('select ports.release_ports($1, $2)', [project.name, 'web'])
  await query(`select ports.reserve_ports($1, $1, 'migration')`, [project.start])
  const [imported] = await query('select outcome from ports.import_ports($1, true)', [
    JSON.stringify([row(project.name, 'web', project.start)]),
  ])
  expect(imported).toEqual({ outcome: 'conflict' })
  await query('select ports.unreserve_ports($1, $1)', [project.start])
  await expect(query(CLAIM, [project.name, 'api', project.start])).rejects.toMatchObject({
    code: 'ZP003',
  })
})

it('a number rests from its release, not from the begin of the transaction', async () => {
  const project = await newProject()
  await query('select ports.set_rest($1, 3600)', [project.name])
  await query(CLAIM, [project.name, 'web', project.start])
  const session = await Session.open(url)
  await session.begin()
  await session.query('select pg_sleep(0.05)')
  await session.query('select ports.release_ports($1, $2)', [project.name, 'web'])
  const [slot] = await session.query<{ is_whole: boolean }>(
    `select ends_at > now() + interval '3600.05 seconds' as is_whole
     from ports.port_allocations
     where project_name = $1`,
    [project.name],
  )
  expect(slot).toEqual({ is_whole: true })
  await session.commit()
})

describe('while many numbers rest', () => {
  it.each([
    ['a claim of the last holder', CLAIM, 'rest'],
    ['a claim of another', CLAIM, 'other'],
  ])('%s reads a few rows', async (_name, text, service) => {
    const project = await newProject(400)
    await query('select ports.set_rest($1, 3600)', [project.name])
    await query(`select from ports.allocate_batch($1, '[{"service": "rest", "count": 300}]')`, [
      project.name,
    ])
    await query(`select ports.release_ports($1, 'rest')`, [project.name])
    await query('analyze ports.port_allocations')
    const session = await Session.open(url)
    await session.begin()
    await session.query(text, [
      project.name,
      service,
      service === 'rest' ? project.start + 200 : project.start + 399,
    ])
    const [read] = await session.query<{ rows: string }>(
      `select seq_tup_read + idx_tup_fetch as rows
       from pg_stat_xact_user_tables
       where relname = 'port_allocations'`,
    )
    await session.rollback()
    expect(Number(read!.rows)).toBeLessThan(20)
  })
})

it.each([
  `ports.ensure_port('project-1', 'web', p_ttl => 0)`,
  `ports.allocate_port('project-1', 'web', p_ttl => -1)`,
  `ports.allocate_batch('project-1', '[{"service": "web"}]', p_ttl => 0)`,
  `ports.renew_ports('project-1', 'web', 0)`,
])('a lease that would have ended already is refused by %s', async (call) => {
  const project = await newProject()
  await lease(project, 'web')
  await expect(query(`select from ${call}`)).rejects.toMatchObject({ code: '22023' })
  expect(await holders()).toEqual([{ service: 'web', port: project.start }])
})
