import { makeBaseline, settle, settledRate } from '../baseline.mjs'
import { openPool } from '../databases.mjs'
import { comparePairs } from '../pairs.mjs'
import { findPgbench } from '../pgbench.mjs'
import { recordStatement } from '../recordStatement.mjs'

export const title = 'From one process'

const PROJECT = 'bench'
/** Held all the time; the measured calls that allocate have others. */
const HELD = 1000
/** Calls between two readings of the clock, a multiple of those in flight. */
const BATCH = 480
/** Stands where a recorded statement has the name of the service. */
const ANY_SERVICE = 'any-service'

const intro = `
\`PortManager\` against \`pg\`, which runs the same named statements with the same values, as recorded, on a pool of the same size. The last rows compare allocate + release with 32 calls in flight to the baseline above, which commits one at a time on each of its connections.
`

const CALL_SHORTFALL =
  'about ten microseconds of JavaScript for each call: its arguments are validated, it can be repeated ' +
  'and aborted, and it looks for others to share a transaction with.'

const COMMITS_SHORTFALL =
  'one process of JavaScript and the two backends that it keeps busy have the same two cores as the 32 ' +
  'backends of the baseline.'

/** @param {import('../run.mjs').Context} context */
export async function measure(context) {
  const program = findPgbench()
  const registry = await context.newRegistry()
  const { pool, ports, url } = registry
  await ports.createRange({ projectName: PROJECT, size: 3000 })
  await allocateAll(
    pool,
    Array.from({ length: HELD }, (_, number) => `held-${number}`),
  )
  await makeBaseline(pool)
  const direct = openPool(url, await connectionsOf(registry))

  const rows = []
  for (const operation of operations(ports, pool)) {
    const {
      name: id,
      text,
      values,
    } = await recordStatement(url, async (recorded) => {
      await operation.holdFirst?.()
      await operation.call(ANY_SERVICE, recorded)
    })
    await operation.after?.()
    const replay = (service) =>
      direct.query({
        name: id,
        text,
        values: values.map((value) => value?.replaceAll(ANY_SERVICE, service)),
      })
    for (const [inFlight, target] of [
      [1, 0.95],
      [32, 0.75],
    ]) {
      const name = `${operation.name}, ${inFlight} in flight`
      context.progress(`  ${name}`)
      const rateOf = async (call) => {
        await settle(pool)
        return rateInBatches({ ...operation, call }, inFlight, context.seconds / 4)
      }
      rows.push(
        await comparePairs({
          name,
          pairs: context.pairs,
          ours: () => rateOf(operation.call),
          baseline: () => rateOf(replay),
          target,
          shortfall: CALL_SHORTFALL,
        }),
      )
    }
  }
  rows.push(...(await againstCommits(context, program, registry)))
  await direct.end()
  await registry.close()
  return { intro, rows }
}

/** What surrounds the measured calls is not in the figure, and is one commit. */
function operations(ports, pool) {
  const services = Array.from({ length: BATCH }, (_, number) => `new-${number}`)
  const freeAll = () =>
    pool.query(
      `update ports.port_allocations
     set status = 'released'
     where status <> 'released' and service_name not like 'held-%'`,
    )
  return [
    {
      name: 'getOrAllocate, held',
      services: services.map((_, number) => `held-${(number * 7919) % HELD}`),
      call: (service, on = ports) => on.getOrAllocate(PROJECT, service),
      holdFirst: () => ports.getOrAllocate(PROJECT, ANY_SERVICE),
      after: freeAll,
    },
    {
      name: 'getOrAllocate, new',
      services,
      call: (service, on = ports) => on.getOrAllocate(PROJECT, service),
      after: freeAll,
    },
    {
      name: 'allocate',
      services,
      call: (service, on = ports) => on.allocate(PROJECT, service),
      after: freeAll,
    },
    {
      name: 'release',
      services,
      before: () => allocateAll(pool, services),
      call: (service, on = ports) => on.release(PROJECT, service),
    },
  ]
}

async function allocateAll(pool, services) {
  await pool.query('select ports.allocate_port($1, service) from unnest($2::text[]) as service', [
    PROJECT,
    services,
  ])
}

async function rateInBatches({ services, before, call, after }, inFlight, seconds) {
  let calls = 0
  let spent = 0
  while (spent < seconds * 1000) {
    await before?.()
    const started = performance.now()
    await inLanes(inFlight, services, call)
    spent += performance.now() - started
    calls += services.length
    await after?.()
  }
  return (calls / spent) * 1000
}

async function inLanes(count, services, call) {
  let next = 0
  const lane = async () => {
    while (next < services.length) await call(services[next++])
  }
  await Promise.all(Array.from({ length: count }, lane))
}

async function againstCommits(context, program, registry) {
  const { pool, ports } = registry
  const { seconds, signal } = context
  const rateOfPairs = async () => {
    await settle(pool)
    const until = performance.now() + seconds * 1000
    let done = 0
    const lane = async (service) => {
      while (performance.now() < until) {
        await ports.allocate(PROJECT, service)
        await ports.release(PROJECT, service)
        done++
      }
    }
    const started = performance.now()
    await Promise.all(Array.from({ length: 32 }, (_, number) => lane(`lane-${number}`)))
    return (done / (performance.now() - started)) * 1000
  }
  const rows = []
  for (const clients of [1, 32]) {
    const name = `allocate + release, 32 in flight, against the baseline's ${clients} client${clients > 1 ? 's' : ''}`
    context.progress(`  ${name}`)
    const options = { clients, seconds, signal, variables: { ranges: 1 } }
    rows.push(
      await comparePairs({
        name,
        pairs: context.pairs,
        ours: rateOfPairs,
        baseline: () => settledRate(program, registry, 'baseline-pair.sql', options),
        target: 2,
        shortfall: COMMITS_SHORTFALL,
      }),
    )
  }
  return rows
}

/** How many connections the registry's own pool goes up to: by making it need them all. */
async function connectionsOf({ ports, pool }) {
  await Promise.all(Array.from({ length: 100 }, () => ports.listRanges()))
  const { rows } = await pool.query(
    `select count(*)::integer as connections
     from pg_stat_activity
     where datname = current_database() and application_name = 'ports'`,
  )
  return rows[0].connections
}
