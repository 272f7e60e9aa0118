import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createBaseline, createSlots, type Load, settledRate, sqlFile } from '../baseline.js'
import { compareRegistries } from '../compareRegistries.js'
import type { Question } from '../comparison.js'
import type { Registry } from '../Databases.js'
import { hold } from '../holdings.js'
import { pgbench } from '../pgbench.js'
import { recordStatement, type Statement } from '../recordStatement.js'
import { clientsOf, number } from '../report.js'
import type { Context } from '../Section.js'

export const title = 'In SQL'

const SPREAD = 100
const FULL = { startPort: 5000, endPort: 64_999 }
const HELD = 58_800
/** The numbers of one reservation, in a range that is twice as large. */
const RESERVED = 1000
/** The numbers that rest, in a range that is twice as large. */
const RESTING = 3600
const SERVICES = 1000

/**
 * The first calls of a connection load the catalog and prepare every plan. In a short run hundreds of
 * clients do little else, so their runs last longer.
 */
const MANY_CLIENTS_FACTOR = 5

const PAIR_SHORTFALL =
  'CPU-bound. A pair makes two updates, their index entries and two events, like the baseline. It ' +
  'also calls the functions, searches for the lowest free slot and locks it, looks for the newest ' +
  'port of the service, and uses a subtransaction. With few clients each of these costs two to three ' +
  'times as much, because the processor sleeps through every flush and wakes with cold caches. The ' +
  'row for the two updates alone, as plain statements, shows the cost of taking the lowest free ' +
  'number and skipping those that others are taking.'

const LOOKUP_SHORTFALL =
  'The key is a hash of the names, which are compared afterwards, while the baseline compares one ' +
  'number.'

const WITHHELD_SHORTFALL =
  'If a number rests in a scope, every call first looks whether one rests for its service, which is ' +
  'one more statement. If there is a reservation, it first computes the numbers that are left.'

const intro = `
pgbench on the server's Unix socket, with prepared statements and no pause. A pair is one call of \`allocate_port\` and one of \`release_port\`, two commits with an event each. Its baseline is an insert and an update by primary key on a table with the same columns and as many indexes of the same kinds, also two commits with an event each ([baseline.sql](../packages/bench/sql/baseline.sql) says why that is fair). Both start each turn from a vacuumed table of 1,000 free rows and an empty table of events. Runs of 100 and more clients last ${MANY_CLIENTS_FACTOR} times as long, because the first calls of a connection prepare its plans. If a client fails or is aborted, the run fails.
`

export async function measure(context: Context) {
  return {
    intro,
    rows: [
      ...(await pairs(context)),
      ...(await fullRange(context)),
      ...(await reserved(context)),
      ...(await resting(context)),
      ...(await lookup(context)),
    ],
  }
}

async function pairs(context: Context) {
  await using registry = await context.newRegistry()
  await registry.ports.createRange({ projectName: '1', size: 1000 })
  for (let project = 2; project <= SPREAD; project++) {
    await registry.ports.createRange({ projectName: `${project}`, size: 200 })
  }
  await createSlots(registry.pool, '1')
  await createBaseline(registry.pool)

  const rate = (script: string, load: Load) => () => settledRate(context, registry, script, load)
  const compare = (name: string, load: Load, question: Partial<Question>) =>
    context.compare({
      name,
      ours: rate('pair.sql', load),
      baseline: rate('baseline-pair.sql', load),
      ...question,
    })
  const rows = []
  for (const [clients, target] of [
    [1, 0.75],
    [8, 0.75],
    [32, 0.5],
    [100, 0.4],
    [200, 0.4],
  ] as const) {
    const seconds = context.seconds * (clients < 100 ? 1 : MANY_CLIENTS_FACTOR)
    const name = `allocate + release, one range, ${clientsOf(clients)}`
    rows.push(await compare(name, { clients, seconds }, { target, shortfall: PAIR_SHORTFALL }))
  }
  rows.push(
    await compare(
      `the same, spread over ${SPREAD} ranges, 32 clients`,
      { clients: 32, ranges: SPREAD },
      { target: 0.5, minimum: 0.4, shortfall: PAIR_SHORTFALL },
    ),
    await compare(
      'its two updates as plain statements, without functions and locks, 1 client',
      { clients: 1 },
      { ours: rate('plain-pair.sql', { clients: 1 }) },
    ),
  )
  // CPU-bound, so the difference is largest.
  const load = { clients: 32, seconds: context.seconds / 2 }
  const script = pathToFileURL(join(context.home, 'whole-indexes.sql'))
  const pair = readFileSync(sqlFile('baseline-pair.sql'), 'utf8')
  writeFileSync(script, pair.replaceAll('baseline.allocations', 'baseline.whole_indexes'))
  rows.push(
    await compare('the baseline with whole indexes, against itself, 32 clients', load, {
      ours: rate(script.href, load),
    }),
  )
  return rows
}

async function fullRange(context: Context) {
  await using full = await context.newRegistry()
  await full.ports.createRange({ projectName: '1', ...FULL })
  await hold(full.pool, { projects: ['1'], count: HELD })
  await using empty = await context.newRegistry()
  await empty.ports.createRange({ projectName: '1', size: 1000 })
  await createSlots(empty.pool, '1')
  return await compareRegistries(
    context,
    '60,000 ports, 98 % full, against 1,000 ports, empty',
    full,
    empty,
  )
}

function reserved(context: Context) {
  return withheld(context, 'reserved', RESERVED, ({ ports }, numbers) =>
    ports.reserve(numbers, 'measured'),
  )
}

/** The numbers rest as if other services had released them while the project had a rest. */
function resting(context: Context) {
  return withheld(context, 'resting', RESTING, ({ pool }, { endPort }) =>
    pool.query(
      `update ports.port_allocations
       set ends_at = now() + interval '1 day'
       where port_number <= $1`,
      [endPort],
    ),
  )
}

/**
 * Compares a registry in which the lower half of the numbers is withheld with one in which none is.
 * Both have all their slots.
 */
async function withheld(
  context: Context,
  state: string,
  count: number,
  withhold: (
    registry: Registry,
    numbers: { startPort: number; endPort: number },
  ) => Promise<unknown>,
) {
  const { startPort } = FULL
  await using ours = await context.newRegistry()
  await using plain = await context.newRegistry()
  for (const { pool, ports } of [ours, plain]) {
    await ports.createRange({ projectName: '1', startPort, endPort: startPort + 2 * count - 1 })
    await createSlots(pool, '1')
  }
  await withhold(ours, { startPort, endPort: startPort + count - 1 })
  const name = `${number(count)} ${state} numbers at the low end, against none`
  return await compareRegistries(context, name, ours, plain, WITHHELD_SHORTFALL)
}

/** Writes nothing, so the registry need not be settled between the turns. */
async function lookup({ home, seconds, signal, ...context }: Context) {
  await using registry = await context.newRegistry()
  const { pool, ports, url } = registry
  await ports.createRange({ projectName: '1', size: SERVICES })
  await hold(pool, { projects: ['1'], count: SERVICES })
  await pool.query('vacuum analyze')
  const ids = await pool.query(
    'select min(id) as lowest, max(id) as highest from ports.port_allocations',
  )
  const statement = await recordStatement(url, (ports) => ports.getOrAllocate('1', '1'))
  const { script, variables } = scriptOf(statement, home)

  const rows = []
  for (const [clients, target, minimum] of [
    [1, 0.95, 0.85],
    [32, 0.8, 0.7],
  ] as const) {
    const options = { url, clients, seconds: seconds / 2, signal }
    rows.push(
      await context.compare({
        name: `lookup of an existing service, against select by primary key, ${clientsOf(clients)}`,
        ours: () =>
          pgbench(script, { ...options, variables: { ...variables, services: SERVICES } }),
        baseline: () =>
          pgbench(sqlFile('select-by-key.sql'), { ...options, variables: ids.rows[0] }),
        target,
        minimum,
        shortfall: LOOKUP_SHORTFALL,
      }),
    )
  }
  return rows
}

/** Writes a recorded statement as a script that asks for any of the services. */
function scriptOf({ text, values }: Statement, directory: string) {
  const variables: Record<string, string> = {}
  const query = text.replaceAll(/\$(\d+)/g, (_, position) => {
    const value = values[position - 1] ?? null
    if (value === null) return 'null'
    // pgbench has no empty variables.
    if (value === '') return `''`
    // The second value is the service's name.
    if (position === '2') return ':service'
    variables[`value${position}`] = value
    return `:value${position}`
  })
  const path = join(directory, 'lookup.sql')
  writeFileSync(path, `\\set service random(1, :services)\n${query.trim()};\n`)
  return { script: pathToFileURL(path), variables }
}
