import type { PortManager } from '@ports/core'
import type pg from 'pg'
import { createBaseline, settle, settledRate } from '../baseline.js'
import type { Comparison } from '../comparison.js'
import { openPool, type Registry } from '../Databases.js'
import { recordStatement } from '../recordStatement.js'
import { clientsOf } from '../report.js'
import type { Context } from '../Section.js'
import { timed } from '../timed.js'

export const title = 'From one process'

const PROJECT = 'bench'
/** Services that always have a port. The measured calls that allocate are for others. */
const HELD = 1000
/** Calls between two readings of the clock, a multiple of those in flight. */
const BATCH = 480
/** The name of the service in a recorded statement. */
const ANY_SERVICE = 'any-service'

const intro = `
\`PortManager\` against \`pg\`, which runs the same named statements with the same values, as recorded, on a pool of the same size. The last rows compare allocate + release with 32 calls in flight to the baseline above, which commits one at a time on each of its connections.
`

const CALL_SHORTFALL =
  'Each call spends about ten microseconds in JavaScript: its arguments are validated, it can be ' +
  'retried and aborted, and it looks for other calls to share a transaction with.'

const COMMITS_SHORTFALL =
  'One JavaScript process and the two backends that it keeps busy have the same two cores as the 32 ' +
  'backends of the baseline.'

export async function measure(context: Context) {
  await using registry = await context.newRegistry()
  const { pool, ports, url } = registry
  await ports.createRange({ projectName: PROJECT, size: 3000 })
  await allocateAll(pool, names('held', HELD))
  await createBaseline(pool)
  const direct = openPool(url, await connectionsOf(registry))

  const rows = []
  for (const operation of operations(registry)) {
    rows.push(...(await againstStatement(context, registry, direct, operation)))
  }
  rows.push(...(await againstCommits(context, registry)))
  await direct.end()
  return { intro, rows }
}

/** The work before and after the calls is not measured. Each of both is one commit. */
interface Operation {
  readonly name: string
  readonly services: readonly string[]
  readonly before?: () => Promise<unknown>
  readonly call: (ports: PortManager, service: string) => Promise<unknown>
  readonly after?: () => Promise<unknown>
  /** Whether the service of the recorded call already has a port. */
  readonly isHeld?: boolean
}

function operations({ pool }: Registry): Operation[] {
  const services = names('new', BATCH)
  const getOrAllocate = (ports: PortManager, service: string) =>
    ports.getOrAllocate(PROJECT, service)
  const after = () =>
    pool.query(
      `update ports.port_allocations
       set status = 'released'
       where status <> 'released' and service_name not like 'held-%'`,
    )
  return [
    {
      name: 'getOrAllocate, held',
      services: services.map((_, number) => `held-${(number * 7919) % HELD}`),
      call: getOrAllocate,
      after,
      isHeld: true,
    },
    { name: 'getOrAllocate, new', services, call: getOrAllocate, after },
    {
      name: 'allocate',
      services,
      call: (ports, service) => ports.allocate(PROJECT, service),
      after,
    },
    {
      name: 'release',
      services,
      before: () => allocateAll(pool, services),
      call: (ports, service) => ports.release(PROJECT, service),
    },
  ]
}

async function againstStatement(
  context: Context,
  { pool, ports, url }: Registry,
  direct: pg.Pool,
  operation: Operation,
) {
  const { name, text, values } = await recordStatement(url, async (recorded) => {
    if (operation.isHeld) await ports.getOrAllocate(PROJECT, ANY_SERVICE)
    await operation.call(recorded, ANY_SERVICE)
  })
  await operation.after?.()
  const replay = (service: string) =>
    direct.query({
      name,
      text,
      values: values.map((value) => value?.replaceAll(ANY_SERVICE, service)),
    })
  const rows: Comparison[] = []
  for (const [inFlight, target] of [
    [1, 0.95],
    [32, 0.75],
  ] as const) {
    const rateOf = async (call: (service: string) => Promise<unknown>) => {
      await settle(pool)
      return rateInBatches(operation, call, inFlight, context.seconds / 4)
    }
    rows.push(
      await context.compare({
        name: `${operation.name}, ${inFlight} in flight`,
        ours: () => rateOf((service) => operation.call(ports, service)),
        baseline: () => rateOf(replay),
        target,
        shortfall: CALL_SHORTFALL,
      }),
    )
  }
  return rows
}

async function rateInBatches(
  { services, before, after }: Operation,
  call: (service: string) => Promise<unknown>,
  inFlight: number,
  seconds: number,
) {
  let calls = 0
  let spent = 0
  while (spent < seconds * 1000) {
    await before?.()
    const queue = services.values()
    spent += await timed(() =>
      inLanes(inFlight, async () => {
        for (const service of queue) await call(service)
      }),
    )
    calls += services.length
    await after?.()
  }
  return (calls / spent) * 1000
}

async function againstCommits(context: Context, registry: Registry) {
  const { pool, ports } = registry
  const rateOfPairs = async () => {
    await settle(pool)
    const until = performance.now() + context.seconds * 1000
    let done = 0
    const spent = await timed(() =>
      inLanes(32, async (lane) => {
        while (performance.now() < until) {
          await ports.allocate(PROJECT, `lane-${lane}`)
          await ports.release(PROJECT, `lane-${lane}`)
          done++
        }
      }),
    )
    return (done / spent) * 1000
  }
  const rows: Comparison[] = []
  for (const clients of [1, 32]) {
    rows.push(
      await context.compare({
        name: `allocate + release, 32 in flight, against the baseline's ${clientsOf(clients)}`,
        ours: rateOfPairs,
        baseline: () => settledRate(context, registry, 'baseline-pair.sql', { clients }),
        target: 2,
        shortfall: COMMITS_SHORTFALL,
      }),
    )
  }
  return rows
}

function inLanes(count: number, work: (lane: number) => Promise<void>) {
  return Promise.all(Array.from({ length: count }, (_, lane) => work(lane)))
}

function names(prefix: string, count: number) {
  return Array.from({ length: count }, (_, number) => `${prefix}-${number}`)
}

function allocateAll(pool: pg.Pool, services: readonly string[]) {
  return pool.query('select ports.allocate_port($1, service) from unnest($2::text[]) as service', [
    PROJECT,
    services,
  ])
}

/** Makes the registry's own pool open all its connections, and counts them. */
async function connectionsOf({ ports, pool }: Registry): Promise<number> {
  await Promise.all(Array.from({ length: 100 }, () => ports.listRanges()))
  const { rows } = await pool.query(
    `select count(*)::integer as connections
     from pg_stat_activity
     where datname = current_database() and application_name = 'ports'`,
  )
  return rows[0].connections
}
