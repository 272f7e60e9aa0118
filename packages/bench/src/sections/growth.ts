import { linearRegression, min } from 'simple-statistics'
import { Bench } from 'tinybench'
import type { Registry } from '../Databases.js'
import { hold } from '../holdings.js'
import { onOneProcessor, postmasterOf } from '../oneProcessor.js'
import { logLogPlot } from '../plot.js'
import { milliseconds, number } from '../report.js'
import type { Context, Plot, Table } from '../Section.js'
import { timed } from '../timed.js'

export const title = 'As work grows'

const PROJECT = 'bench'
/** Another project, whose range is changed. It is as small in a large registry as in a small one. */
const SMALL = 'small'
const FIRST_PORT = 4200
const RANGE_SIZE = 25
const ROUNDS = 5
/** For each operation, in each round, at each size. */
const TURN_MS = 40
/** Rows of an import. The last is the maximum. */
const IMPORTED = [100, 1000, 10_000]
/** How far off a median may be on a shared machine. */
const NOISE = 1.25

const intro = `
Latency of a call, one at a time, on the embedded database, with the caller and the server on one processor. On two, the scheduler can make the same call take twice as long or more. The sizes take turns, ${ROUNDS} rounds of ${TURN_MS} ms for each operation; the table shows the median of the fastest round, because other load can only add to it. *Exponent* is the slope of the line through the logarithms: 0 does not depend on the size, 1 is proportional to it. *Log n* says whether the cost grows no faster than the logarithm of the size, from each of these sizes to the largest, with ${Math.round((NOISE - 1) * 100)} % for noise. Lists and audits read everything that they return, so they have no verdict.

Some costs grow faster. When a range is deleted, its foreign key searches the rows of all ranges, because an index on the project alone would slow down every allocation. Finding the next block costs one look at each range. A summary counts the ports that are held in the ranges of the project. A *no* in one run and not in another is noise of the machine.
`

/** Something that grows while all else stays as it is. */
interface Dimension {
  /** The name of the plot's file. */
  readonly name: string
  readonly title: string
  readonly axis: string
  readonly sizes: readonly number[]
  /** Returns the number of services of PROJECT: service-1, service-2 … */
  fill(registry: Registry, size: number): Promise<number>
}

const DIMENSIONS: readonly Dimension[] = [
  {
    name: 'growth-allocations',
    title: 'Allocations in one range that is 98 % full',
    axis: 'allocations',
    sizes: [100, 1000, 10_000, 60_000],
    fill: async (registry, size) => {
      await holdInOneRange(registry, size)
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
    fill: async (registry, size) => {
      await holdInOneRange(registry, 10_000)
      // In the order of audits: one check of each allocation after the other.
      await registry.pool.query(
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

async function holdInOneRange({ pool, ports }: Registry, count: number) {
  const endPort = FIRST_PORT + Math.ceil(count / 0.98)
  await ports.createRange({ projectName: PROJECT, startPort: FIRST_PORT, endPort })
  await hold(pool, { projects: [PROJECT], count, prefix: 'service-' })
}

export async function measure(context: Context) {
  await using registry = await context.newRegistry()
  return await onOneProcessor(await postmasterOf(registry.pool), () => measureGrowth(context))
}

async function measureGrowth(context: Context) {
  const tables: Table[] = []
  const plots: Plot[] = []
  for (const { sizes: all, ...dimension } of DIMENSIONS) {
    context.progress(`  ${dimension.title}`)
    const grown = { ...dimension, sizes: context.quick ? all.slice(0, 2) : all }
    const costs = await costsOf(grown, context)
    tables.push(tableOf(grown, costs))
    plots.push(plotOf(grown, costs))
  }
  context.progress('  Rows of an import')
  tables.push(await importTable(context))
  return { intro, tables, plots }
}

/** The cost of a row whose number becomes a range of its project, and of one that is held already. */
async function importTable(context: Context): Promise<Table> {
  const sizes = context.quick ? IMPORTED.slice(0, 2) : IMPORTED
  const imported: number[] = []
  const repeated: number[] = []
  for (const size of sizes) {
    await using registry = await context.newRegistry()
    const rows = Array.from({ length: size }, (_, row) => ({
      projectName: `project-${row % 20}`,
      serviceName: `service-${row}`,
      hostname: `host-${row % 3}`,
      portNumber: FIRST_PORT + row,
    }))
    for (const durations of [imported, repeated]) {
      durations.push(await timed(() => registry.ports.import(rows)))
    }
  }
  return {
    caption: '### Rows of an import, each measured once',
    columns: ['rows', ...sizes.map(number), 'exponent'],
    rows: [
      costCells('import, each with a range', sizes, imported),
      costCells('import, held already', sizes, repeated),
    ],
  }
}

interface Operation {
  readonly name: string
  /** Whether it reads everything that it returns. Its growth then has no verdict. */
  readonly isListing?: boolean
  readonly before?: () => Promise<unknown>
  readonly call: () => Promise<unknown>
  readonly after?: () => Promise<unknown>
}

interface Cost extends Pick<Operation, 'name' | 'isListing'> {
  /** In milliseconds, at each size. */
  readonly medians: readonly number[]
}

async function costsOf({ sizes, fill }: Dimension, context: Context): Promise<Cost[]> {
  const registries: { registry: Registry; operations: Operation[] }[] = []
  for (const size of sizes) {
    const registry = await context.newRegistry()
    const services = await fill(registry, size)
    await registry.ports.createRange({ projectName: SMALL, startPort: 1000, endPort: 1009 })
    await registry.ports.allocate(SMALL, 'one')
    await registry.pool.query('vacuum analyze')
    registries.push({ registry, operations: operationsOn(registry, services) })
  }
  const rounds: number[][][] = []
  for (let round = 0; round < (context.quick ? 1 : ROUNDS); round++) {
    const latencies = []
    for (const { registry, operations } of registries) {
      const found = []
      for (const operation of operations) found.push(await medianLatency(operation))
      await registry.pool.query('vacuum ports.port_allocations, ports.port_ranges')
      latencies.push(found)
    }
    rounds.push(latencies)
  }
  for (const { registry } of registries) await registry[Symbol.asyncDispose]()
  return registries[0]!.operations.map(({ name, isListing = false }, operation) => ({
    name,
    isListing,
    medians: sizes.map((_, size) => min(rounds.map((latencies) => latencies[size]![operation]!))),
  }))
}

async function medianLatency({ name, isListing, before, call, after }: Operation) {
  // A call that reads everything takes long enough to be measured once.
  const budget = isListing ? { time: 0, iterations: 1 } : { time: TURN_MS, iterations: 5 }
  const bench = new Bench({ ...budget, warmup: false, throws: true })
  bench.add(name, async () => {
    await before?.()
    const overriddenDuration = await timed(call)
    await after?.()
    return { overriddenDuration }
  })
  const [task] = await bench.run()
  if (task?.result.state !== 'completed') throw new Error(`${name} was not measured`)
  return task.result.latency.p50
}

/** Each operation leaves the registry as it was, because its range is almost full. */
function operationsOn({ pool, ports }: Registry, services: number): Operation[] {
  let turn = 0
  const anyService = () => `service-${1 + ((turn++ * 7919) % services)}`
  const allocate = () => ports.allocate(PROJECT, 'extra')
  const release = () => ports.release(PROJECT, 'extra')
  const createRange = () => ports.createRange({ projectName: 'next', size: RANGE_SIZE })
  const deleteRange = () => ports.deleteRange('next')
  return [
    { name: 'select 1', call: () => pool.query({ name: 'one', text: 'select 1' }) },
    { name: 'getOrAllocate, held', call: () => ports.getOrAllocate(PROJECT, anyService()) },
    {
      name: 'getOrAllocate, new',
      call: () => ports.getOrAllocate(PROJECT, 'extra'),
      after: release,
    },
    { name: 'allocate', call: allocate, after: release },
    { name: 'release', before: allocate, call: release },
    {
      name: 'updatePort',
      call: () => ports.updatePort(PROJECT, anyService(), { description: `turn ${turn}` }),
    },
    { name: 'getProjectSummary', call: () => ports.getProjectSummary(PROJECT) },
    { name: 'createRange, next block', call: createRange, after: deleteRange },
    { name: 'deleteRange', before: createRange, call: deleteRange },
    {
      name: 'resizeRange',
      call: () => ports.resizeRange(SMALL, { startPort: 1000, endPort: 1009 + (turn++ % 2) }),
    },
    { name: 'listRanges', isListing: true, call: () => ports.listRanges() },
    {
      name: 'listPage of 50',
      isListing: true,
      call: () => ports.listPage({ projectName: PROJECT, limit: 50 }),
    },
    { name: 'listByProject', isListing: true, call: () => ports.listByProject(PROJECT) },
    { name: 'auditPorts', isListing: true, call: () => ports.auditPorts() },
  ]
}

function tableOf({ title, axis, sizes }: Dimension, costs: readonly Cost[]): Table {
  return {
    caption: `### ${title}`,
    columns: [axis, ...sizes.map(number), 'exponent', 'log n'],
    rows: costs.map(({ name, isListing, medians }) => [
      ...costCells(name, sizes, medians),
      isListing ? 'listing' : growsWithinLog(sizes, medians) ? 'yes' : '**no**',
    ]),
  }
}

function plotOf({ name, title, axis, sizes }: Dimension, costs: readonly Cost[]): Plot {
  const lines = costs.map(({ name, medians }) => ({
    name,
    points: sizes.map((size, at): [number, number] => [size, Number(medians[at]!.toPrecision(3))]),
  }))
  return {
    name,
    alt: `${title}: median latency of each operation`,
    svg: logLogPlot({ title, x: axis, y: 'median latency, ms', lines }),
  }
}

function costCells(name: string, sizes: readonly number[], costs: readonly number[]) {
  const points = sizes.map((size, at) => [Math.log(size), Math.log(costs[at]!)])
  return [name, ...costs.map(milliseconds), linearRegression(points).m.toFixed(2)]
}

/** From any size to the largest, because a proportional cost shows only at the upper end. */
function growsWithinLog(sizes: readonly number[], costs: readonly number[]) {
  return sizes.every((size, at) => {
    const allowed = Math.log(1 + sizes.at(-1)!) / Math.log(1 + size)
    return costs.at(-1)! / costs[at]! <= allowed * NOISE
  })
}
