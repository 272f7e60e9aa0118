import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { PortManager } from '@ports/core'
import { openRepository } from '@ports/db'
import { makeBaseline, offerAll, settle, settledRate } from '../baseline.mjs'
import { comparePairs } from '../pairs.mjs'
import { findPgbench } from '../pgbench.mjs'

export const title = 'Several ranges, numbers in use, batches'

const LISTENER = fileURLToPath(new URL('../listener.mjs', import.meta.url))
/** Of the loopback range, and used by nothing else. */
const ADDRESS = '127.77.0.2'
const LISTENERS = 50
const FIRST_PORT = 4200
const LAST_PORT = 4299
const RANGE_SIZE = LAST_PORT - FIRST_PORT + 1
const RANGES = 3
const BATCH = 32
const SERVICES = Array.from({ length: BATCH }, (_, number) => ({ service: `new-${number}` }))

const intro = `
Each row compares the registry with itself. Three ranges of ${RANGE_SIZE} numbers, of which the first two are held, are set against one such range, which is empty: a search goes through the ranges from the lowest. A new service with the look at this host's listeners, of which there are ${LISTENERS} and those of the machine, is set against one without it (\`PORTS_PASS_OVER=none\`), one call at a time. A batch is one \`ensureMany\` of ${BATCH} new services, against ${BATCH} calls of \`getOrAllocate\`, one after the other.
`

const LOOK_SHORTFALL =
  'to list the listeners the kernel goes on to the first connection in its table of all connections, ' +
  'and through the whole table where there is none. The time depends on the size of that table.'

const BATCH_SHORTFALL =
  'a batch runs some twenty statements, and to start them takes the processor longer than several ' +
  'single calls.'

/** @param {import('../run.mjs').Context} context */
export async function measure(context) {
  const compare = (comparison) => {
    context.progress(`  ${comparison.name}`)
    return comparePairs({ pairs: context.pairs, ...comparison })
  }
  return {
    intro,
    rows: [...(await ranges(context, compare)), ...(await looks(context, compare))],
  }
}

async function ranges(context, compare) {
  const program = findPgbench()
  const one = await context.newRegistry()
  const several = await context.newRegistry()
  for (const { ports } of [one, several]) {
    await ports.createRange({ projectName: '1', startPort: FIRST_PORT, endPort: LAST_PORT })
  }
  for (let each = 1; each < RANGES; each++) {
    // With a gap, so that each is a range of its own.
    const offset = each * 2 * RANGE_SIZE
    const bounds = { startPort: FIRST_PORT + offset, endPort: LAST_PORT + offset }
    await several.ports.addRange('1', bounds)
  }
  for (const { pool } of [one, several]) {
    await offerAll(pool, '1')
    await makeBaseline(pool)
  }
  await several.ports.allocate('1', 'held', { count: (RANGES - 1) * RANGE_SIZE })

  const { seconds, signal } = context
  const rows = []
  for (const clients of [1, 32]) {
    const options = { clients, seconds, signal, variables: { ranges: 1 } }
    rows.push(
      await compare({
        name: `allocate + release, ${RANGES} ranges against one, ${clients === 1 ? '1 client' : `${clients} clients`}`,
        ours: () => settledRate(program, several, 'pair.sql', options),
        baseline: () => settledRate(program, one, 'pair.sql', options),
        target: 0.9,
      }),
    )
  }
  await one.close()
  await several.close()
  return rows
}

/** Calls as users make them, which look at this host's listeners, and calls without the look. */
async function looks(context, compare) {
  const registry = await context.newRegistry()
  const { ports, pool, url } = registry
  await ports.createRange({ projectName: '1', startPort: FIRST_PORT, endPort: LAST_PORT })
  await makeBaseline(pool)
  const repository = await openRepository({ url })
  const looking = withLook(() => new PortManager(repository))
  const { signal, seconds } = context
  const args = [LISTENER, ADDRESS, LAST_PORT + 1_000, LISTENERS]
  const listener = spawn(process.execPath, args, { signal, stdio: ['pipe', 'pipe', 'inherit'] })
  // At a Ctrl-C.
  listener.on('error', () => {})
  const [listening] = await once(listener.stdout.setEncoding('utf8'), 'data')
  if (Number(listening) !== LISTENERS) throw new Error(`${listening} of ${LISTENERS} listen`)

  const costOf = (allocate) => costOfNew(pool, allocate, seconds)
  const rows = [
    await compare({
      name: 'getOrAllocate, new, with the look at listeners, against without',
      kind: 'cost',
      ours: () => costOf(() => looking.getOrAllocate('1', 'new')),
      baseline: () => costOf(() => ports.getOrAllocate('1', 'new')),
      target: 1.25,
      shortfall: LOOK_SHORTFALL,
    }),
  ]
  for (const [name, on] of [
    ['with the look', looking],
    ['without the look', ports],
  ]) {
    rows.push(
      await compare({
        name: `a batch of ${BATCH} services, against ${BATCH} calls, ${name}`,
        kind: 'duration',
        ours: () => costOf(() => on.ensureMany('1', SERVICES)),
        baseline: () =>
          costOf(async () => {
            for (const { service } of SERVICES) await on.getOrAllocate('1', service)
          }),
        target: 10,
        shortfall: BATCH_SHORTFALL,
      }),
    )
  }
  const gone = once(listener, 'exit')
  listener.stdin.end()
  await gone
  await repository.close()
  await registry.close()
  return rows
}

/** A `PortManager` reads the variable when it is made. */
function withLook(make) {
  const { PORTS_PASS_OVER } = process.env
  delete process.env.PORTS_PASS_OVER
  const made = make()
  process.env.PORTS_PASS_OVER = PORTS_PASS_OVER
  return made
}

/** Milliseconds. The release of what was allocated does not count. */
async function costOfNew(pool, allocate, seconds) {
  await settle(pool)
  let spent = 0
  let turns = 0
  while (spent < seconds * 1000) {
    const started = performance.now()
    await allocate()
    spent += performance.now() - started
    turns++
    await pool.query(
      `update ports.port_allocations set status = 'released' where status <> 'released'`,
    )
  }
  return spent / turns
}
