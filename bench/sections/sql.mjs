import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { makeBaseline, offerAll, settledRate } from '../baseline.mjs'
import { hold } from '../holdings.mjs'
import { comparePairs } from '../pairs.mjs'
import { findPgbench, pgbench } from '../pgbench.mjs'
import { recordStatement } from '../recordStatement.mjs'
import { number } from '../report.mjs'

export const title = 'In SQL'

const SELECT_BY_KEY = new URL('../sql/select-by-key.sql', import.meta.url)
const SPREAD = 100
const FULL = { startPort: 5000, endPort: 64_999 }
const HELD = 58_800
/** In one reservation, in a range of twice as many. */
const RESERVED = 1000
/** In a range of twice as many. */
const RESTING = 3600
const SERVICES = 1000

const PAIR_SHORTFALL =
  'the processor is the limit. A pair makes two updates, their index entries and two events, like the ' +
  'baseline. It also calls the functions, searches for the lowest free slot and locks it, looks for ' +
  'the newest port of the service, and uses a subtransaction. With few clients each of these costs ' +
  'two to three times as much, because the processor sleeps through every flush and wakes with cold ' +
  'caches. The row for the two updates alone, as plain statements, shows the cost of taking the ' +
  'lowest free number and skipping those that others are taking.'

const LOOKUP_SHORTFALL =
  'the key is a hash of the names, which are compared afterwards, while the baseline compares one ' +
  'number.'

const WITHHELD_SHORTFALL =
  'if a number rests in a scope, every call first looks whether one rests for its service, which is ' +
  'one statement more. If there is a reservation, it first computes the numbers that are left.'

/**
 * Runs with hundreds of clients last longer. The first calls of a connection load the catalog and
 * prepare every plan, and in a short run the clients of a crowd do little else.
 */
const CROWD_TIMES = 5

const intro = `
pgbench on the server's Unix socket, with prepared statements and no pause. A pair is one call of \`allocate_port\` and one of \`release_port\`, two commits with an event each. Its baseline is an insert and an update by primary key on a table with the same columns and as many indexes of the same kinds, also two commits with an event each ([baseline.sql](../bench/sql/baseline.sql) says why that is fair). Both start each turn from a vacuumed table of 1,000 free rows and an empty table of events. Runs of 100 and more clients last ${CROWD_TIMES} times as long, because the first calls of a connection prepare its plans. If a client fails or is aborted, the run fails.
`

/** @param {import('../run.mjs').Context} context */
export async function measure(context) {
  const program = findPgbench()
  const run = (registry, script, { clients, seconds = context.seconds, ...variables }) => {
    const { signal } = context
    return settledRate(program, registry, script, { clients, seconds, variables, signal })
  }
  const compare = (comparison) => {
    context.progress(`  ${comparison.name}`)
    return comparePairs({ pairs: context.pairs, ...comparison })
  }
  return {
    intro,
    rows: [
      ...(await pairs(context, compare, run)),
      ...(await fullRange(context, compare, run)),
      ...(await reserved(context, compare, run)),
      ...(await resting(context, compare, run)),
      ...(await lookup(context, compare, program)),
    ],
  }
}

async function pairs(context, compare, run) {
  const registry = await context.newRegistry()
  await registry.ports.createRange({ projectName: '1', size: 1000 })
  for (let project = 2; project <= SPREAD; project++) {
    await registry.ports.createRange({ projectName: `${project}`, size: 200 })
  }
  await offerAll(registry.pool, '1')
  await makeBaseline(registry.pool)

  const against = (script, name, settings, goal) =>
    compare({
      name,
      ours: () => run(registry, 'pair.sql', settings),
      baseline: () => run(registry, script, settings),
      shortfall: PAIR_SHORTFALL,
      ...goal,
    })
  const rows = []
  for (const [clients, target, seconds] of [
    [1, 0.75, context.seconds],
    [8, 0.75, context.seconds],
    [32, 0.5, context.seconds],
    [100, 0.4, context.seconds * CROWD_TIMES],
    [200, 0.4, context.seconds * CROWD_TIMES],
  ]) {
    const name = `allocate + release, one range, ${clientsOf(clients)}`
    rows.push(await against('baseline-pair.sql', name, { clients, seconds, ranges: 1 }, { target }))
  }
  rows.push(
    await against(
      'baseline-pair.sql',
      `the same, spread over ${SPREAD} ranges, 32 clients`,
      { clients: 32, ranges: SPREAD },
      { target: 0.5, never: 0.4 },
    ),
  )
  rows.push(
    await compare({
      name: 'its two updates as plain statements, without functions and locks, 1 client',
      ours: () => run(registry, 'plain-pair.sql', { clients: 1, ranges: 1 }),
      baseline: () => run(registry, 'baseline-pair.sql', { clients: 1, ranges: 1 }),
    }),
  )
  // Where the processor is what is short, and so the difference is largest.
  const settings = { clients: 32, seconds: context.seconds / 2, ranges: 1 }
  rows.push(
    await compare({
      name: 'the baseline with whole indexes, against itself, 32 clients',
      ours: () => run(registry, 'baseline-pair-whole-indexes.sql', settings),
      baseline: () => run(registry, 'baseline-pair.sql', settings),
    }),
  )
  await registry.close()
  return rows
}

async function fullRange(context, compare, run) {
  const full = await context.newRegistry()
  await full.ports.createRange({ projectName: '1', ...FULL })
  await hold(full.pool, { projects: ['1'], count: HELD })
  const empty = await context.newRegistry()
  await empty.ports.createRange({ projectName: '1', size: 1000 })
  await offerAll(empty.pool, '1')
  for (const { pool } of [full, empty]) await makeBaseline(pool)

  const rows = []
  for (const clients of [1, 32]) {
    const settings = { clients, ranges: 1 }
    rows.push(
      await compare({
        name: `60,000 ports, 98 % full, against 1,000 ports, empty, ${clientsOf(clients)}`,
        ours: () => run(full, 'pair.sql', settings),
        baseline: () => run(empty, 'pair.sql', settings),
        target: 0.9,
      }),
    )
  }
  await full.close()
  await empty.close()
  return rows
}

function reserved(context, compare, run) {
  return withheld(context, compare, run, 'reserved', RESERVED, ({ ports }, low) =>
    ports.reserve(low, 'measured'),
  )
}

/** As if a rest had been set while other services released them, and had been removed since. */
function resting(context, compare, run) {
  return withheld(context, compare, run, 'resting', RESTING, ({ pool }, { endPort }) =>
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
 * @param {string} what they are
 * @param {number} count of the numbers that are withheld
 */
async function withheld(context, compare, run, what, count, withhold) {
  const { startPort } = FULL
  const [ours, plain] = [await context.newRegistry(), await context.newRegistry()]
  for (const { pool, ports } of [ours, plain]) {
    await ports.createRange({ projectName: '1', startPort, endPort: startPort + 2 * count - 1 })
    await offerAll(pool, '1')
  }
  await withhold(ours, { startPort, endPort: startPort + count - 1 })
  for (const { pool } of [ours, plain]) await makeBaseline(pool)

  const rows = []
  for (const clients of [1, 32]) {
    const settings = { clients, ranges: 1 }
    rows.push(
      await compare({
        name: `${number(count)} ${what} numbers at the low end, against none, ${clientsOf(clients)}`,
        ours: () => run(ours, 'pair.sql', settings),
        baseline: () => run(plain, 'pair.sql', settings),
        target: 0.9,
        shortfall: WITHHELD_SHORTFALL,
      }),
    )
  }
  await ours.close()
  await plain.close()
  return rows
}

/** Nothing is written, so that nothing is to be put in order between the turns. */
async function lookup(context, compare, program) {
  const registry = await context.newRegistry()
  const { pool, ports, url } = registry
  await ports.createRange({ projectName: '1', size: SERVICES })
  await hold(pool, { projects: ['1'], count: SERVICES })
  await pool.query('vacuum analyze')
  const ids = await pool.query(
    'select min(id) as lowest, max(id) as highest from ports.port_allocations',
  )
  const statement = await recordStatement(url, (ports) => ports.getOrAllocate('1', '1'))
  const { script, variables } = scriptOf(statement, context.home)

  const rows = []
  for (const [clients, target, never] of [
    [1, 0.95, 0.85],
    [32, 0.8, 0.7],
  ]) {
    const { signal, seconds } = context
    const run = (path, variables) =>
      pgbench(program, path, { url, clients, seconds: seconds / 2, variables, signal })
    rows.push(
      await compare({
        name: `lookup of an existing service, against select by primary key, ${clientsOf(clients)}`,
        ours: () => run(script, { ...variables, services: SERVICES }),
        baseline: () => run(SELECT_BY_KEY, ids.rows[0]),
        target,
        never,
        shortfall: LOOKUP_SHORTFALL,
      }),
    )
  }
  await registry.close()
  return rows
}

/** A statement of the registry's as a script that asks for any of the services. */
function scriptOf({ text, values }, directory) {
  const variables = {}
  const query = text.replaceAll(/\$(\d+)/g, (_, position) => {
    const value = values[position - 1]
    if (value === null || value === undefined) return 'null'
    // An empty one cannot be given to pgbench.
    if (value === '') return `''`
    // The second one is the service's name.
    if (position === '2') return ':service'
    variables[`value${position}`] = value
    return `:value${position}`
  })
  const path = join(directory, 'lookup.sql')
  writeFileSync(path, `\\set service random(1, :services)\n${query.trim()};\n`)
  return { script: pathToFileURL(path), variables }
}

function clientsOf(count) {
  return count === 1 ? '1 client' : `${count} clients`
}
