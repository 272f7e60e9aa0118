import { PortManager } from '@ports/core'
import type pg from 'pg'
import { createBaseline, createSlots, settle } from '../baseline.js'
import { compareRegistries } from '../compareRegistries.js'
import { listen } from '../listeners.js'
import type { Context } from '../Section.js'
import { timed } from '../timed.js'

export const title = 'Several ranges, numbers in use, batches'

const LISTENERS = 50
const FIRST_PORT = 4200
const LAST_PORT = 4299
const RANGE_SIZE = LAST_PORT - FIRST_PORT + 1
const RANGES = 3
const BATCH = 32
const SERVICES = Array.from({ length: BATCH }, (_, number) => ({ service: `new-${number}` }))

const intro = `
Each row compares the registry with itself. A search goes through the ranges of a project from the lowest one. So three ranges of ${RANGE_SIZE} numbers, the first two of which are held, are compared with one empty range of that size. Calls for a new service check the listeners of this host, which are ${LISTENERS} and those of the machine. They are compared with calls without that check (\`PORTS_PASS_OVER=none\`), one call at a time. A batch is one \`ensureMany\` of ${BATCH} new services, compared with ${BATCH} calls of \`getOrAllocate\`, one after the other.
`

const CHECK_SHORTFALL =
  'To list the listeners, the kernel searches its table of all connections up to the first one, or ' +
  'the whole table if there is none. The time depends on the size of that table.'

const BATCH_SHORTFALL =
  'A batch runs some twenty statements, and starting them takes more processor time than several ' +
  'single calls.'

export async function measure(context: Context) {
  return { intro, rows: [...(await severalRanges(context)), ...(await listenerChecks(context))] }
}

async function severalRanges(context: Context) {
  await using one = await context.newRegistry()
  await using several = await context.newRegistry()
  for (const { ports } of [one, several]) {
    await ports.createRange({ projectName: '1', startPort: FIRST_PORT, endPort: LAST_PORT })
  }
  for (let each = 1; each < RANGES; each++) {
    // Gaps keep the ranges apart.
    const offset = each * 2 * RANGE_SIZE
    const bounds = { startPort: FIRST_PORT + offset, endPort: LAST_PORT + offset }
    await several.ports.addRange('1', bounds)
  }
  for (const { pool } of [one, several]) await createSlots(pool, '1')
  await several.ports.allocate('1', 'held', { count: (RANGES - 1) * RANGE_SIZE })
  const name = `allocate + release, ${RANGES} ranges against one`
  return await compareRegistries(context, name, several, one)
}

/** Compares calls as users make them with calls that do not check this host's listeners. */
async function listenerChecks(context: Context) {
  await using registry = await context.newRegistry()
  const { ports: unchecked, pool } = registry
  const checked = new PortManager(registry.repository)
  await unchecked.createRange({ projectName: '1', startPort: FIRST_PORT, endPort: LAST_PORT })
  await createBaseline(pool)
  await using listeners = await listen(LAST_PORT + 1000, LISTENERS, context.signal)
  if (listeners.count !== LISTENERS) throw new Error(`Only ${listeners.count} ports are free`)

  const costOf = (allocate: () => Promise<unknown>) => () =>
    costOfNew(pool, allocate, context.seconds)
  const rows = [
    await context.compare({
      name: 'getOrAllocate, new, with a check of the listeners, against without',
      kind: 'cost',
      ours: costOf(() => checked.getOrAllocate('1', 'new')),
      baseline: costOf(() => unchecked.getOrAllocate('1', 'new')),
      target: 1.25,
      shortfall: CHECK_SHORTFALL,
    }),
  ]
  for (const [name, ports] of [
    ['with the check', checked],
    ['without the check', unchecked],
  ] as const) {
    rows.push(
      await context.compare({
        name: `a batch of ${BATCH} services, against ${BATCH} calls, ${name}`,
        kind: 'duration',
        ours: costOf(() => ports.ensureMany('1', SERVICES)),
        baseline: costOf(async () => {
          for (const { service } of SERVICES) await ports.getOrAllocate('1', service)
        }),
        target: 10,
        shortfall: BATCH_SHORTFALL,
      }),
    )
  }
  return rows
}

/** Returns milliseconds. The release of what was allocated is not counted. */
async function costOfNew(pool: pg.Pool, allocate: () => Promise<unknown>, seconds: number) {
  await settle(pool)
  let spent = 0
  let turns = 0
  while (spent < seconds * 1000) {
    spent += await timed(allocate)
    turns++
    await pool.query(
      `update ports.port_allocations set status = 'released' where status <> 'released'`,
    )
  }
  return spent / turns
}
