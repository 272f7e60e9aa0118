import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type {
  AllocateManyOptions,
  BatchEntry,
  EnsureManyResult,
  PortManager,
  Protocol,
} from '@ports/core'
import { emptyDatabase, sql } from '@ports/testkit/vitest'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ascending, ending, expectSound, ISOLATION_LEVELS, numbers } from './sessions.js'

const PROCESSES = 12
const CALLER = fileURLToPath(new URL('fixtures/caller.js', import.meta.url))

interface Outcome {
  readonly value?: unknown
  readonly refusal?: Refusal
}

interface Refusal {
  readonly name: string
  readonly code?: string
  readonly message: string
}

interface Churned {
  readonly held: number[]
  /** The number of acknowledged calls. */
  readonly allocated: number
  readonly released: number
  readonly refusals: Refusal[]
  /** A port that was given twice, or could not be released. */
  readonly faults: unknown[]
}

type Call =
  | {
      [Method in keyof PortManager]: PortManager[Method] extends (
        ...values: infer Values
      ) => unknown
        ? readonly [Method, ...Values]
        : never
    }[keyof PortManager]
  // Of a method with overloads, only the last one counts above.
  | readonly ['allocate', string, string, AllocateManyOptions]

/** A process with the built packages and a connection to the registry. */
class Caller {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async start(databaseUrl: string): Promise<Caller> {
    const caller = new Caller(
      fork(CALLER, [databaseUrl], { execArgv: [], serialization: 'advanced' }),
    )
    await caller.#next()
    return caller
  }

  calls(...calls: Call[]): Promise<Outcome[]> {
    return this.#run('calls', calls)
  }

  churn(argument: { projectName: string; serviceName: string; rounds: number; seed: number }) {
    return this.#run<Churned>('churn', argument)
  }

  /** Kills it with SIGKILL after it has reported this many ports, and returns all reported ports. */
  async killAfter(count: number, projectName: string, serviceName: string): Promise<number[]> {
    const job = ['allocateUntilKilled', { projectName, serviceName }] as const
    const told = await this.#killAfter<{ portNumber: number }>(count, ...job)
    return told.map(({ portNumber }) => portNumber)
  }

  /** The same after this many batches. */
  async killAfterBatches(
    count: number,
    argument: { projectName: string; serviceName: string; items: readonly BatchEntry[] },
  ): Promise<number[]> {
    const told = await this.#killAfter<{ portNumbers: number[] }>(
      count,
      'ensureManyUntilKilled',
      argument,
    )
    return told.flatMap(({ portNumbers }) => portNumbers)
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.disconnect()
    await exit
  }

  async #killAfter<Told>(count: number, job: string, argument: object): Promise<Told[]> {
    const told: Told[] = []
    this.#child.on('message', (message) => {
      told.push(message as Told)
      if (told.length === count) this.#child.kill('SIGKILL')
    })
    this.#child.send({ job, argument })
    // All reports arrive before the channel closes.
    await Promise.all([once(this.#child, 'exit'), once(this.#child, 'disconnect')])
    return told
  }

  async #run<Answer>(job: string, argument: unknown): Promise<Answer> {
    const answer = this.#next()
    this.#child.send({ job, argument })
    return (await answer).answer as Answer
  }

  #next(): Promise<{ answer?: unknown }> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null, signal: string | null) =>
        reject(new Error(`The caller has ended: ${code ?? signal}`))
      this.#child.once('exit', onExit)
      this.#child.once('message', (message) => {
        this.#child.off('exit', onExit)
        resolve(message as { answer?: unknown })
      })
    })
  }
}

let url: string
let callers: Caller[]
let projects = 0

beforeAll(async () => {
  url = await emptyDatabase()
  callers = await Promise.all(numbers(1, PROCESSES).map(() => Caller.start(url)))
})

afterAll(() => Promise.all(callers.map((caller) => caller.stop())))

afterEach(() => expectSound(url))

interface Project {
  readonly name: string
  readonly start: number
  readonly end: number
}

/** A project for the test. */
async function newProject(size: number): Promise<Project> {
  const start = 3000 + projects * 1000
  projects += 1
  const project = { name: `project-${projects}`, start, end: start + size - 1 }
  await sql(url, 'select ports.create_range($1, $2, $3)', [
    project.name,
    project.start,
    project.end,
  ])
  return project
}

/** Lets all callers call at the same time. */
function together<Result>(work: (caller: Caller, nth: number) => Promise<Result>) {
  return Promise.all(callers.map(work))
}

/** The service of every live port of the project. */
async function holders(project: Project): Promise<Map<number, string>> {
  const rows = await sql<{ port_number: number; service_name: string }>(
    url,
    `select port_number, service_name
     from ports.port_allocations
     where project_name = $1
       and status <> 'released'
     order by port_number`,
    [project.name],
  )
  const map = new Map(rows.map((row) => [row.port_number, row.service_name]))
  expect(map.size).toBe(rows.length)
  return map
}

/** The results of the calls, none of which may be refused. */
function values(outcomes: readonly Outcome[]): unknown[] {
  expect(outcomes.flatMap(({ refusal }) => refusal ?? [])).toEqual([])
  return outcomes.map(({ value }) => value)
}

function ports(outcomes: readonly Outcome[]): number[] {
  return values(outcomes) as number[]
}

/** What a service of a batch has, as `3100/tcp`. */
type Given = ReadonlyMap<string, readonly string[]>

/** What a call of `ensureMany` gave each service. */
function givenBy(outcome: Outcome): Given {
  const [answer] = values([outcome]) as EnsureManyResult[]
  const services = new Map<string, string[]>()
  for (const { serviceName, portNumber, protocol } of answer!.allocations) {
    const own = services.get(serviceName) ?? []
    services.set(serviceName, [...own, `${portNumber}/${protocol}`])
  }
  return services
}

/** What each service of the project holds, in the order in which a batch tells it. */
async function heldByService(project: Project): Promise<Given> {
  const rows = await sql<{ service_name: string; held: string[] }>(
    url,
    `select service_name, array_agg(port_number || '/' || protocol order by port_number, protocol)
       as held
     from ports.allocations
     where project_name = $1
     group by service_name`,
    [project.name],
  )
  return new Map(rows.map((row) => [row.service_name, row.held]))
}

/** Checks that the numbers are exactly those that the item requests. */
function expectLaidOut(held: readonly string[] | undefined, item: BatchEntry): void {
  const { count = 1, contiguous = false, protocols = ['tcp'] } = item
  const ports = [...new Set(held?.map((number) => Number.parseInt(number, 10)))]
  expect(ports, item.service).toHaveLength(count)
  const all = ports.flatMap((port) => protocols.map((protocol: Protocol) => `${port}/${protocol}`))
  expect(held).toEqual(all)
  if (contiguous) expect(ports.at(-1)! - ports[0]!).toBe(count - 1)
}

describe('connections', () => {
  /** Opens as many processes as there are numbers, before the first one calls. */
  async function connect(count: number): Promise<pg.Client[]> {
    const clients = numbers(1, count).map(() => new pg.Client({ connectionString: url }))
    onTestFinished(async () => {
      await Promise.all(clients.map((client) => client.end()))
    })
    await Promise.all(clients.map((client) => client.connect()))
    return clients
  }

  async function allocate(client: pg.Client, project: Project, service: string) {
    const { rows } = await client.query('select ports.allocate_port($1, $2) as port', [
      project.name,
      service,
    ])
    return rows[0].port as number
  }

  it.each([
    ['a range that is offered at once', 1],
    ['a range that is offered bit by bit', 10],
  ])('drain %s, each number once, and are refused after that', async (_range, each) => {
    const clients = await connect(40)
    const project = await newProject(40 * each)
    const allocated = await Promise.all(
      clients.map(async (client, nth) => {
        const taken: number[] = []
        for (const _ of numbers(1, each)) {
          taken.push(await allocate(client, project, `service-${nth % 7}`))
        }
        return taken
      }),
    )
    expect(ascending(allocated.flat())).toEqual(numbers(project.start, project.end))
    const outcomes = await Promise.all(
      clients.map((client) => ending(allocate(client, project, 'late'))),
    )
    expect(outcomes).toEqual(clients.map(() => 'ZP002'))
    expect([...(await holders(project)).keys()]).toEqual(numbers(project.start, project.end))
  })

  it.each(ISOLATION_LEVELS.slice(1))(
    'drain a range at %s, where they repeat what could not be serialised',
    async (level) => {
      const clients = await connect(10)
      const project = await newProject(30)
      for (const client of clients) {
        await client.query(`set default_transaction_isolation = '${level}'`)
      }
      const repeat = async (client: pg.Client, service: string): Promise<number | 'full'> => {
        const allocated = allocate(client, project, service)
        const outcome = await ending(allocated)
        if (outcome === '40001') return repeat(client, service)
        if (outcome === 'done') return allocated
        expect(outcome).toBe('ZP002')
        return 'full'
      }
      const allocated = await Promise.all(
        clients.map(async (client, nth) => {
          const taken: (number | 'full')[] = []
          while (taken.at(-1) !== 'full') taken.push(await repeat(client, `service-${nth % 3}`))
          return taken.slice(0, -1) as number[]
        }),
      )
      expect(ascending(allocated.flat())).toEqual(numbers(project.start, project.end))
    },
  )

  it('give one service one port if several callers ask for the first number', async () => {
    const clients = await connect(20)
    // Repeated, because each project is new only once.
    for (const _round of numbers(1, 10)) {
      const project = await newProject(80)
      const given = await Promise.all(
        clients.map(async (client) => {
          const { rows } = await client.query(
            `select ports.get_or_allocate_port($1, 'web') as port`,
            [project.name],
          )
          return rows[0].port as number
        }),
      )
      expect(given).toEqual(clients.map(() => project.start))
      expect([...(await holders(project)).keys()]).toEqual([project.start])
    }
  })

  it('give each instance of a service a port of its own, and the same to all who ask for it', async () => {
    const clients = await connect(20)
    const project = await newProject(80)
    const given = await Promise.all(
      clients.map(async (client, nth) => {
        const { rows } = await client.query(
          `select ports.get_or_allocate_port($1, 'web', p_instance => $2) as port`,
          [project.name, nth % 5 === 0 ? '' : `copy-${nth % 5}`],
        )
        return rows[0].port as number
      }),
    )
    expect(given).toEqual(clients.map((_, nth) => given[nth % 5]))
    // A second caller for an instance has skipped numbers that others were taking.
    const instances = ascending(given.slice(0, 5))
    expect(new Set(instances).size).toBe(5)
    expect(instances[0]).toBeGreaterThanOrEqual(project.start)
    expect(instances[4]).toBeLessThan(project.start + clients.length)
  })

  it('drain two scopes of one range without a word to each other', async () => {
    const clients = await connect(20)
    const project = await newProject(150)
    const scopes = ['localhost', 'alpha']
    const allocated = await Promise.all(
      clients.map(async (client, nth) => {
        const { rows } = await client.query(
          `select ports.allocate_port($1, $2, $3) as port
           from generate_series(1, 15)`,
          [project.name, `service-${nth}`, scopes[nth % 2]],
        )
        return rows.map((row) => row.port as number)
      }),
    )
    for (const index of [0, 1]) {
      const inScope = allocated.filter((_, nth) => nth % 2 === index).flat()
      expect(ascending(inScope)).toEqual(numbers(project.start, project.end))
    }
  })
})

describe('processes', () => {
  it('drain a range, each number once, and are refused after that', async () => {
    const project = await newProject(PROCESSES)
    const first = await together((caller, nth) =>
      caller.calls(['allocate', project.name, `service-${nth}`]),
    )
    expect(ascending(ports(first.flat()))).toEqual(numbers(project.start, project.end))
    const late = await together((caller, nth) =>
      caller.calls(['allocate', project.name, `service-${nth}`]),
    )
    for (const { refusal } of late.flat()) {
      expect(refusal).toMatchObject({ name: 'PortsError', code: 'RANGE_EXHAUSTED' })
    }
    expect(late.flat()).toHaveLength(PROCESSES)
    const held = await holders(project)
    for (const [nth, [outcome]] of first.entries()) {
      expect(held.get(outcome!.value as number)).toBe(`service-${nth}`)
    }
  })

  it('drain a range that is offered bit by bit, each at its own pace', async () => {
    const each = 20
    const project = await newProject(PROCESSES * each)
    const allocated = await together((caller, nth) =>
      caller.calls(
        ...numbers(1, each).map((): Call => ['allocate', project.name, `service-${nth}`]),
      ),
    )
    expect(ascending(ports(allocated.flat()))).toEqual(numbers(project.start, project.end))
  })

  it('get one port for one service, however many ask for it at once', async () => {
    const project = await newProject(50)
    const services = numbers(1, 5).map((nth) => `service-${nth}`)
    // Each begins with a different service, so that each is the first for one of them.
    const given = await together(async (caller, nth) => {
      const order = services.map((_, index) => services[(nth + index) % services.length]!)
      const outcomes = await caller.calls(
        ...[...order, ...order].map((service): Call => ['getOrAllocate', project.name, service]),
      )
      return ports(outcomes).map((port, index) => ({
        service: order[index % order.length]!,
        port,
      }))
    })
    const held = await holders(project)
    // Each has one live row, and none was taken and released.
    expect([...held.values()].sort()).toEqual(services)
    expect(
      await sql(
        url,
        `select service_name, what
         from ports.events
         where project_name = $1
           and service_name is not null
         order by service_name`,
        [project.name],
      ),
    ).toEqual(services.map((service) => ({ service_name: service, what: 'allocated' })))
    for (const { service, port } of given.flat()) expect(held.get(port)).toBe(service)
  })

  it('fill in metadata of one port, each its part', async () => {
    const project = await newProject(10)
    const parts = [
      { serviceType: 'vite' },
      { description: 'Storefront' },
      { cloudflareHostname: 'shop.example.com' },
    ]
    const given = await together((caller, nth) =>
      caller.calls(['getOrAllocate', project.name, 'web', parts[nth % parts.length]]),
    )
    expect(new Set(ports(given.flat()))).toEqual(new Set([project.start]))
    const rows = await sql(
      url,
      `select service_type, description, cloudflare_hostname
       from ports.port_allocations
       where project_name = $1 and status <> 'released'`,
      [project.name],
    )
    expect(rows).toEqual([
      {
        service_type: 'vite',
        description: 'Storefront',
        cloudflare_hostname: 'shop.example.com',
      },
    ])
  })

  it('take and give back ports, and the registry ends as their accounts say', async () => {
    // There are fewer numbers than they request, so they compete for the last ones.
    const project = await newProject(16)
    const accounts = await together((caller, nth) =>
      caller.churn({
        projectName: project.name,
        serviceName: `service-${nth}`,
        rounds: 150,
        seed: 1 + nth,
      }),
    )
    expect(accounts.flatMap(({ faults }) => faults)).toEqual([])
    const refusals = accounts.flatMap((account) => account.refusals)
    expect(refusals.length).toBeGreaterThan(0)
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ name: 'PortsError', code: 'RANGE_EXHAUSTED' })
    }
    const expected = accounts.flatMap(({ held }, nth) =>
      held.map((port) => [port, `service-${nth}`] as const),
    )
    expect(expected.length).toBeGreaterThan(0)
    expect(await holders(project)).toEqual(
      new Map([...expected].sort(([one], [other]) => one - other)),
    )
    // There is one event for each acknowledged allocation, and no other event.
    const events = await sql(
      url,
      `select what, count(*)::integer as count
       from ports.events
       where project_name = $1
         and service_name is not null
       group by what
       order by what`,
      [project.name],
    )
    const count = (of: 'allocated' | 'released') =>
      accounts.reduce((sum, account) => sum + account[of], 0)
    expect(events).toEqual([
      { what: 'allocated', count: count('allocated') },
      { what: 'released', count: count('released') },
    ])
    // No number was lost: each of the remaining ones can be allocated once.
    const left = project.end - project.start + 1 - expected.length
    const [caller] = callers
    const rest = await caller!.calls(
      ...numbers(1, left + 1).map((): Call => ['allocate', project.name, 'rest']),
    )
    expect(rest.at(-1)!.refusal).toMatchObject({ code: 'RANGE_EXHAUSTED' })
    const taken = [...ports(rest.slice(0, -1)), ...expected.map(([port]) => port)]
    expect(ascending(taken)).toEqual(numbers(project.start, project.end))
  })

  it('share one service whose ports come and go, and never hold one of them twice', async () => {
    const project = await newProject(16)
    const accounts = await together((caller, nth) =>
      caller.churn({ projectName: project.name, serviceName: 'web', rounds: 80, seed: 50 + nth }),
    )
    expect(accounts.flatMap(({ faults }) => faults)).toEqual([])
    for (const refusal of accounts.flatMap((account) => account.refusals)) {
      expect(refusal).toMatchObject({ name: 'PortsError', code: 'RANGE_EXHAUSTED' })
    }
    const held = ascending(accounts.flatMap((account) => account.held))
    expect([...(await holders(project)).keys()]).toEqual(held)
  })

  it('all get the oldest port of a service while others allocate and release its newer ones', async () => {
    const project = await newProject(20)
    await callers[0]!.calls(['allocate', project.name, 'other'], ['allocate', project.name, 'web'])
    const oldest = project.start + 1
    // Now a newer port has the lower number.
    await callers[0]!.calls(['release', project.name, 'other'])
    const outcomes = await together(async (caller, nth) => {
      if (nth % 2 === 1) {
        return caller.calls(
          ...numbers(1, 30).map((): Call => ['getOrAllocate', project.name, 'web']),
        )
      }
      const { held, faults, refusals } = await caller.churn({
        projectName: project.name,
        serviceName: 'web',
        rounds: 30,
        seed: 100 + nth,
      })
      expect(faults).toEqual([])
      for (const refusal of refusals) expect(refusal.code).toBe('RANGE_EXHAUSTED')
      expect(held).not.toContain(oldest)
      return []
    })
    expect(new Set(ports(outcomes.flat()))).toEqual(new Set([oldest]))
  })

  it('move on to the next oldest port together when the oldest is released', async () => {
    const project = await newProject(20)
    const [first] = callers
    await first!.calls(...numbers(1, 3).map((): Call => ['allocate', project.name, 'web']))
    const outcomes = await together((caller, nth) =>
      caller.calls(
        ...numbers(1, 10).map((): Call => ['getOrAllocate', project.name, 'web']),
        ...(nth === 0
          ? [
              ['release', project.name, 'web', undefined, { portNumber: project.start }] as Call,
              // Takes the number that has just become free from the service.
              ['allocate', project.name, 'other'] as Call,
            ]
          : []),
        ...numbers(1, 10).map((): Call => ['getOrAllocate', project.name, 'web']),
      ),
    )
    const [releaser, ...others] = outcomes
    expect(values(releaser!.slice(10, 12))).toEqual([true, project.start])
    const sequences = [[...releaser!.slice(0, 10), ...releaser!.slice(12)], ...others].map(
      (sequence) => ports(sequence),
    )
    for (const sequence of sequences) {
      const moved = sequence.indexOf(project.start + 1)
      const before = moved === -1 ? sequence : sequence.slice(0, moved)
      expect(new Set([project.start, ...before])).toEqual(new Set([project.start]))
      const after = moved === -1 ? [] : sequence.slice(moved)
      expect(new Set([project.start + 1, ...after])).toEqual(new Set([project.start + 1]))
    }
    expect(sequences[0]!.slice(10)).toEqual(Array(10).fill(project.start + 1))
    expect(await holders(project)).toEqual(
      new Map([
        [project.start, 'other'],
        [project.start + 1, 'web'],
        [project.start + 2, 'web'],
      ]),
    )
  })

  it('agree on one port in the end when a service is released again and again', async () => {
    const project = await newProject(20)
    const outcomes = await together((caller, nth) =>
      caller.calls(
        ...numbers(1, 25).map(
          (): Call =>
            nth < 2
              ? ['release', project.name, 'web']
              : ['getOrAllocate', project.name, 'web', { description: `caller ${nth}` }],
        ),
      ),
    )
    values(outcomes.flat())
    const last = await together((caller) => caller.calls(['getOrAllocate', project.name, 'web']))
    const [port, ...others] = [...new Set(ports(last.flat()))]
    expect(others).toEqual([])
    expect(await holders(project)).toEqual(new Map([[port, 'web']]))
  })

  it('keep what they were told of when they are killed', async () => {
    const project = await newProject(300)
    const doomed = await Promise.all(numbers(1, 4).map(() => Caller.start(url)))
    onTestFinished(async () => {
      await Promise.all(doomed.map((caller) => caller.stop()))
    })
    const told = await Promise.all(
      doomed.map((caller, nth) => caller.killAfter(10 + nth, project.name, `service-${nth}`)),
    )
    const held = await holders(project)
    for (const [nth, own] of told.entries()) {
      expect(own.length).toBeGreaterThanOrEqual(10 + nth)
      for (const port of own) expect(held.get(port)).toBe(`service-${nth}`)
    }
    // No caller waits for a dead process, and a number that one was taking at the end is not lost.
    const [outcome] = await callers[0]!.calls(['allocate', project.name, 'survivor'])
    expect(ports([outcome!])).toEqual([expect.any(Number)])
  })

  it.each([2, 5, 8])(
    'are told the same in overlapping batches, of which none is half there: %i at once',
    async (count) => {
      const layouts: readonly BatchEntry[] = [
        { service: 'web' },
        { service: 'rtp', count: 4, contiguous: true },
        { service: 'dns', protocols: ['tcp', 'udp'] },
        { service: 'workers', count: 3 },
        { service: 'media', count: 2, contiguous: true, protocols: ['tcp', 'udp'] },
      ]
      const project = await newProject(100)
      // Repeated, because each service is new only once.
      for (const round of numbers(1, 8)) {
        const items = layouts.map((item) => ({ ...item, service: `${item.service}-${round}` }))
        const given = await Promise.all(
          callers.slice(0, count).map(async (caller, nth) => {
            // Each requests all except one or two, in a different order.
            const own = items.map((_, index) => items[(nth + index) % items.length]!)
            const some = own.slice(0, items.length - 1 - (nth % 2))
            const [outcome] = await caller.calls(['ensureMany', project.name, some])
            const services = givenBy(outcome!)
            expect([...services.keys()]).toEqual(some.map(({ service }) => service))
            return services
          }),
        )
        const held = await heldByService(project)
        for (const services of given) {
          for (const [service, told] of services) expect(told).toEqual(held.get(service))
        }
        for (const item of items) {
          if (held.has(item.service)) expectLaidOut(held.get(item.service), item)
        }
        // Each number is given once, and all numbers of a service in one transaction.
        const events = await sql(
          url,
          `select service_name, count(*)::integer as count, count(distinct xid)::integer as calls
           from ports.events
           where project_name = $1
             and what = 'allocated'
           group by service_name`,
          [project.name],
        )
        for (const { service_name, ...told } of events) {
          expect(told).toEqual({ count: held.get(service_name as string)!.length, calls: 1 })
        }
      }
    },
  )

  it('are told one answer for one key that several numbers are asked under', async () => {
    const project = await newProject(60)
    for (const round of numbers(1, 5)) {
      const service = `web-${round}`
      const given = await together((caller, nth) =>
        caller.calls([
          'allocate',
          project.name,
          service,
          { count: 3, contiguous: true, idempotencyKey: `key-${nth % 3}` },
        ]),
      )
      const blocks = given.map(([outcome]) => values([outcome!])[0] as number[])
      for (const [nth, block] of blocks.entries()) {
        expect(block).toEqual(numbers(block[0]!, block[0]! + 2))
        expect(block).toEqual(blocks[nth % 3])
      }
      const all = ascending(blocks.slice(0, 3).flat())
      expect(new Set(all).size).toBe(9)
      const held = await holders(project)
      expect([...held.keys()].filter((port) => held.get(port) === service)).toEqual(all)
    }
  })

  it('get blocks that do not overlap while others take and give back numbers between them', async () => {
    const project = await newProject(120)
    const blocks: number[][] = []
    const outcomes = await together(async (caller, nth) => {
      if (nth % 3 === 2) {
        return caller.churn({
          projectName: project.name,
          serviceName: `single-${nth}`,
          rounds: 40,
          seed: 200 + nth,
        })
      }
      for (const round of numbers(1, 3)) {
        const size = 2 + ((nth + round) % 3)
        const item = { service: `block-${nth}-${round}`, count: size, contiguous: true }
        const [outcome] = await caller.calls(['ensureMany', project.name, [item]])
        const [held] = [...givenBy(outcome!).values()]
        expectLaidOut(held, item)
        blocks.push(held!.map((number) => Number.parseInt(number, 10)))
      }
      return undefined
    })
    const accounts = outcomes.filter((account) => account !== undefined)
    expect(accounts.flatMap(({ faults }) => faults)).toEqual([])
    const expected = [...blocks.flat(), ...accounts.flatMap(({ held }) => held)]
    expect([...(await holders(project)).keys()]).toEqual(ascending(expected))
  })

  it('leave no batch half there when they are killed', async () => {
    const project = await newProject(600)
    const items: readonly BatchEntry[] = [
      { service: 'web' },
      { service: 'rtp', count: 4, contiguous: true },
      { service: 'dns', protocols: ['tcp', 'udp'] },
    ]
    const doomed = await Promise.all(numbers(1, 4).map(() => Caller.start(url)))
    onTestFinished(async () => {
      await Promise.all(doomed.map((caller) => caller.stop()))
    })
    const told = await Promise.all(
      doomed.map((caller, nth) =>
        caller.killAfterBatches(3 + nth, {
          projectName: project.name,
          serviceName: `killed-${nth}`,
          items,
        }),
      ),
    )
    const held = await heldByService(project)
    const batches = new Set([...held.keys()].map((name) => name.slice(0, name.lastIndexOf('-'))))
    expect(batches.size).toBeGreaterThanOrEqual(3 + 4 + 5 + 6)
    for (const batch of batches) {
      for (const item of items) {
        const service = `${batch}-${item.service}`
        expectLaidOut(held.get(service), { ...item, service })
      }
    }
    const all = new Set([...held.values()].flat().map((number) => Number.parseInt(number, 10)))
    for (const port of told.flat()) expect(all).toContain(port)
  })

  it('create ranges of one size at the same time, in blocks that do not overlap', async () => {
    const outcomes = await together((caller, nth) =>
      caller.calls(['createRange', { projectName: `block-${nth}`, size: 100 }]),
    )
    const starts = values(outcomes.flat()).map(
      (range) => (range as { startPort: number }).startPort,
    )
    expect(new Set(starts).size).toBe(PROCESSES)
  })
})
