import { linearRegression, min } from 'simple-statistics'
import { Bench } from 'tinybench'
import { openPool } from '../databases.mjs'
import { hold } from '../holdings.mjs'
import { onOneProcessor, postmasterOf } from '../oneProcessor.mjs'
import { logLogPlot } from '../plot.mjs'
import { number } from '../report.mjs'

export const title = 'As work grows'

const PROJECT = 'bench'
/** A range beside, to be changed; it is as small however large the registry. */
const SMALL = 'small'
const FIRST_PORT = 4200
const RANGE_SIZE = 25
const ROUNDS = 5
/** For each operation, in each round, at each size. */
const TURN_MS = 40
/** Rows of an import. The last is the most that one may have. */
const IMPORTED = [100, 1000, 10_000]
/** How much a median may be off on a machine that others use. */
const NOISE = 1.25

const intro = `
Latency of a call, one at a time, on the embedded database, with the caller and the server on one processor. On two, the scheduler can make the same call take twice as long or more. The sizes take turns, ${ROUNDS} rounds of ${TURN_MS} ms for each operation; the table shows the median of the quietest round, because other load can only add to it. *Exponent* is the slope of the line through the logarithms: 0 does not depend on the size, 1 is proportional to it. *Log n* says whether the cost grows no faster than the logarithm of the size, from each of these sizes to the largest, with ${Math.round((NOISE - 1) * 100)} % for noise. Lists and audits read everything that they return, so they are shown and not judged.

Some costs grow faster. When a range is deleted, its foreign key searches the rows of all ranges, because an index on the project alone would slow down every allocation. Finding the next block costs one look at each range. A summary costs one look at each free number below the highest that was ever held, which are few here. A single "no" with a "yes" at larger sizes is noise of the machine.
`

/**
 * What is made larger while all else stays as it is.
 * @typedef {object} Dimension
 * @property {string} name of the plot's file
 * @property {string} title
 * @property {string} axis
 * @property {number[]} sizes
 * @property {(registry: any, size: number) => Promise<number>} fill answers with the number of
 * services in the project that is asked: service-1, service-2 …
 */

/** @type {Dimension[]} */
const DIMENSIONS = [
  {
    name: 'growth-allocations',
    title: 'Allocations in one range that is 98 % full',
    axis: 'allocations',
    sizes: [100, 1000, 10_000, 60_000],
    fill: async ({ pool, ports }, size) => {
      const endPort = FIRST_PORT + Math.ceil(size / 0.98)
      await ports.createRange({ projectName: PROJECT, startPort: FIRST_PORT, endPort })
      await hold(pool, { projects: [PROJECT], count: size, prefix: 'service-' })
      return size
    },
  },
  {
    name: 'growth-ranges',
    title: `Ranges of ${RANGE_SIZE} ports, 20 of them held`,
    axis: 'ranges',
    sizes: [1, 10, 100, 1000],
    fill: async ({ pool, ports }, size) => {
      const projects = [PROJECT, ...Array.from({ length: size - 1 }, (_, each) => `other-${each}`)]
      for (const projectName of projects) await ports.createRange({ projectName, size: RANGE_SIZE })
      await hold(pool, { projects, count: 20, prefix: 'service-' })
      return 20
    },
  },
  {
    name: 'growth-history',
    title: 'Health checks kept, of 10,000 allocations',
    axis: 'health checks',
    sizes: [1000, 10_000, 100_000, 1_000_000],
    fill: async ({ pool, ports }, size) => {
      const endPort = FIRST_PORT + 10_204
      await ports.createRange({ projectName: PROJECT, startPort: FIRST_PORT, endPort })
      await hold(pool, { projects: [PROJECT], count: 10_000, prefix: 'service-' })
      // As audits write it: one check of each allocation after the other.
      await pool.query(
        `insert into ports.port_health_checks (allocation_id, verdict)
         select ids.all[1 + number % cardinality(ids.all)], 'not-listening'
         from (
           select array_agg(id order by id) as all
           from ports.port_allocations
           where status <> 'released'
         ) as ids
         cross join generate_series(0, $1::integer - 1) as number`,
        [size],
      )
      return 10_000
    },
  },
]

/** @param {import('../run.mjs').Context} context */
export async function measure(context) {
  const pool = openPool(context.url, 1)
  const postmaster = await postmasterOf(pool)
  await pool.end()
  return onOneProcessor(postmaster, () => measureGrowth(context))
}

async function measureGrowth(context) {
  const tables = []
  const plots = []
  for (const dimension of DIMENSIONS) {
    context.progress(`  ${dimension.title}`)
    const sizes = context.quick ? dimension.sizes.slice(0, 2) : dimension.sizes
    const costs = await costsOf({ ...dimension, sizes }, context)
    tables.push(tableOf(dimension, sizes, costs))
    plots.push(plotOf(dimension, sizes, costs))
  }
  context.progress('  Rows of an import')
  tables.push(await importTable(context))
  return { intro, rows: [], tables, plots }
}

/** What a row costs: its number becomes a range of its project, or it is held already. */
async function importTable(context) {
  const sizes = context.quick ? IMPORTED.slice(0, 2) : IMPORTED
  const costs = { imported: [], repeated: [] }
  for (const size of sizes) {
    const { ports, close } = await context.newRegistry()
    const rows = Array.from({ length: size }, (_, row) => ({
      projectName: `project-${row % 20}`,
      serviceName: `service-${row}`,
      hostname: `host-${row % 3}`,
      portNumber: FIRST_PORT + row,
    }))
    const call = () => ports.import(rows)
    costs.imported.push((await timed({ call })).overriddenDuration)
    costs.repeated.push((await timed({ call })).overriddenDuration)
    await close()
  }
  const rowOf = (name, durations) => [
    name,
    ...durations.map((duration) => `${number(duration)} ms`),
    exponentOf(sizes, durations).toFixed(2),
  ]
  return {
    caption: '### Rows of an import, each measured once',
    columns: ['rows', ...sizes.map(number), 'exponent'],
    rows: [
      rowOf('import, each with a range', costs.imported),
      rowOf('import, held already', costs.repeated),
    ],
  }
}

/** The cost of each operation at each size, in milliseconds. */
async function costsOf({ sizes, fill }, context) {
  const registries = []
  for (const size of sizes) {
    const registry = await context.newRegistry()
    const services = await fill(registry, size)
    await registry.ports.createRange({ projectName: SMALL, startPort: 1000, endPort: 1009 })
    await registry.ports.allocate(SMALL, 'one')
    await registry.pool.query('vacuum analyze')
    registries.push({ registry, operations: operationsOn(registry, services) })
  }

  const found = new Map()
  for (let round = 0; round < (context.quick ? 1 : ROUNDS); round++) {
    for (const [size, { registry, operations }] of registries.entries()) {
      for (const { name, exempt, call } of operations) {
        const costs = found.get(name) ?? { exempt, rounds: sizes.map(() => []) }
        found.set(name, costs)
        costs.rounds[size].push(await medianLatency(name, call, exempt))
      }
      await registry.pool.query('vacuum ports.port_allocations, ports.port_ranges')
    }
  }
  for (const { registry } of registries) await registry.close()
  return [...found].map(([name, { exempt, rounds }]) => ({
    name,
    exempt,
    medians: rounds.map(min),
  }))
}

async function medianLatency(name, call, exempt) {
  // What goes through everything takes long enough to be measured once.
  const budget = exempt ? { time: 0, iterations: 1 } : { time: TURN_MS, iterations: 5 }
  // `async`, or Tinybench would call it once to see, and not wait for the end.
  const bench = new Bench({ ...budget, warmup: false, throws: true }).add(name, async () => call())
  await bench.run()
  return bench.tasks[0].result.latency.p50
}

/** In a range without room to spare each leaves the registry as it was. */
function operationsOn({ pool, ports }, services) {
  let turn = 0
  const anyService = () => `service-${1 + ((turn++ * 7919) % services)}`
  const allocate = () => ports.allocate(PROJECT, 'extra')
  const release = () => ports.release(PROJECT, 'extra')
  const other = { projectName: 'next', size: RANGE_SIZE }
  return [
    { name: 'select 1', call: () => pool.query({ name: 'one', text: 'select 1' }) },
    { name: 'getOrAllocate, held', call: () => ports.getOrAllocate(PROJECT, anyService()) },
    {
      name: 'getOrAllocate, new',
      call: () => timed({ call: () => ports.getOrAllocate(PROJECT, 'extra'), after: release }),
    },
    { name: 'allocate', call: () => timed({ call: allocate, after: release }) },
    { name: 'release', call: () => timed({ before: allocate, call: release }) },
    {
      name: 'updatePort',
      call: () => ports.updatePort(PROJECT, anyService(), { description: `turn ${turn}` }),
    },
    { name: 'getProjectSummary', call: () => ports.getProjectSummary(PROJECT) },
    {
      name: 'createRange, next block',
      call: () =>
        timed({
          call: () => ports.createRange(other),
          after: () => ports.deleteRange(other.projectName),
        }),
    },
    {
      name: 'deleteRange',
      call: () =>
        timed({
          before: () => ports.createRange(other),
          call: () => ports.deleteRange(other.projectName),
        }),
    },
    {
      name: 'resizeRange',
      call: () => ports.resizeRange(SMALL, { startPort: 1000, endPort: 1009 + (turn++ % 2) }),
    },
    { name: 'listRanges', exempt: true, call: () => ports.listRanges() },
    {
      name: 'listPage of 50',
      exempt: true,
      call: () => ports.listPage({ projectName: PROJECT, limit: 50 }),
    },
    { name: 'listByProject', exempt: true, call: () => ports.listByProject(PROJECT) },
    { name: 'auditPorts', exempt: true, call: () => ports.auditPorts() },
  ]
}

/** For Tinybench: only the call itself counts. */
async function timed({ before, call, after }) {
  await before?.()
  const started = performance.now()
  await call()
  const overriddenDuration = performance.now() - started
  await after?.()
  return { overriddenDuration }
}

function tableOf({ title, axis }, sizes, costs) {
  const columns = [axis, ...sizes.map(number), 'exponent', 'log n']
  const rows = costs.map(({ name, exempt, medians }) => [
    name,
    ...medians.map((cost) => `${number(cost)} ms`),
    exponentOf(sizes, medians).toFixed(2),
    exempt ? 'listing' : growsWithinLog(sizes, medians) ? 'yes' : '**no**',
  ])
  return { caption: `### ${title}`, columns, rows }
}

function plotOf({ name, title, axis }, sizes, costs) {
  const lines = costs.map(({ name, medians }) => ({
    name,
    points: medians.map((cost, size) => [sizes[size], Number(cost.toPrecision(3))]),
  }))
  return {
    name,
    alt: `${title}: median latency of each operation`,
    svg: logLogPlot({ title, x: axis, y: 'median latency, ms', lines }),
  }
}

function exponentOf(sizes, costs) {
  return linearRegression(costs.map((cost, at) => [Math.log(sizes[at]), Math.log(cost)])).m
}

/** From any size to the largest: a cost that is proportional shows at the upper end only. */
function growsWithinLog(sizes, costs) {
  const [largest, highest] = [sizes.at(-1), costs.at(-1)]
  return costs.every((cost, at) => {
    const allowed = Math.log(1 + largest) / Math.log(1 + sizes[at])
    return highest / cost <= allowed * NOISE
  })
}
