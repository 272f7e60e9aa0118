import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { max, median, min, quantile } from 'simple-statistics'
import { wallTime } from '../childProcess.mjs'
import { hold } from '../holdings.mjs'
import { comparePairs } from '../pairs.mjs'
import { number } from '../report.mjs'

export const title = 'Audit'

const LISTENER = fileURLToPath(new URL('../listener.mjs', import.meta.url))
/** Of the loopback range, and nobody else's. */
const ADDRESS = '127.77.0.1'
const START = 20_000
/** Well below the number of files that a process may have open anywhere. */
const PER_PROCESS = 500

/** @param {import('../run.mjs').Context} context */
export async function measure(context) {
  if (spawnSync('ss', ['-V']).error) throw new Error('ss is missing: apt-get install iproute2')
  const shortfall = await whyProcIsSlow()
  const rows = []
  const totals = []
  for (const size of context.quick ? [100] : [100, 1000, 10_000]) {
    context.progress(`  ${size} allocations`)
    const { row, total } = await measureSize(size, shortfall, context)
    rows.push(row)
    totals.push(total)
  }
  const columns = ['allocations', 'of them in use', 'median', 'middle half', 'all']
  return { intro: INTRO, rows, tables: [{ caption: TOTALS, columns, rows: totals }] }
}

async function measureSize(size, shortfall, { pairs, signal, newRegistry }) {
  const { ports, pool, close } = await newRegistry()
  const listeners = []
  try {
    await ports.createRange({ projectName: 'bench', startPort: START, endPort: START + size - 1 })
    await hold(pool, { projects: ['bench'], count: size, prefix: 'service-' })
    await pool.query('vacuum analyze ports.port_allocations')
    for (let first = 0; first < size / 2; first += PER_PROCESS) {
      const count = Math.min(PER_PROCESS, size / 2 - first)
      const args = [LISTENER, ADDRESS, START + 2 * first, count]
      listeners.push(spawn(process.execPath, args, { signal, stdio: ['pipe', 'pipe', 'inherit'] }))
    }
    const listening = await sumOfAnswers(listeners)

    const row = await comparePairs({
      name: `snapshot, ${number(listening)} of ${number(size)} ports listening`,
      pairs,
      kind: 'cost',
      target: 2,
      // One port: all the time goes into the snapshot, which is the same for one and for all.
      ours: () => timed(() => ports.checkPort(START)),
      baseline: () => wallTime('ss', ['-ltun'], { signal }),
      shortfall,
    })
    const { durations, inUse } = await auditTimes(ports, pairs, listening)
    return { row, total: [number(size), number(inUse), ...summary(durations)] }
  } finally {
    for (const listener of listeners) listener.stdin.end()
    await Promise.all(listeners.map(untilGone))
    await close()
  }
}

/** Told by this machine: the table of connections grows with its memory. */
async function whyProcIsSlow() {
  const durations = []
  for (let turn = 0; turn < 20; turn++) {
    durations.push(await timed(() => readFileSync('/proc/net/tcp6', 'latin1')))
  }
  const size = '/proc/sys/net/ipv4/tcp_ehash_entries'
  const buckets = existsSync(size)
    ? ` of ${number(Number(readFileSync(size, 'utf8')))} buckets`
    : ''
  return (
    `for /proc/net/tcp, and again for tcp6, the kernel walks its table${buckets} of all ` +
    `connections: ${number(median(durations))} ms here for tcp6, which is all but empty. ss asks ` +
    'for listeners alone, over netlink, which Node does not speak.'
  )
}

async function sumOfAnswers(children) {
  const answers = children.map(async (child) => {
    // At a Ctrl-C.
    child.on('error', () => {})
    const [line] = await once(child.stdout.setEncoding('utf8'), 'data')
    return Number(line)
  })
  return (await Promise.all(answers)).reduce((sum, count) => sum + count, 0)
}

async function untilGone(child) {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** @throws {Error} if an audit sees less than is there: what is wrong is not fast */
async function auditTimes(ports, times, listening) {
  const durations = []
  let inUse = 0
  // The first one is not like the others: it loads Prisma, and every status changes.
  for (let turn = -1; turn < times; turn++) {
    const started = performance.now()
    const result = await ports.auditPorts()
    if (turn >= 0) durations.push(performance.now() - started)
    inUse = result.inUse
    if (inUse < listening) throw new Error(`An audit saw ${inUse} of ${listening} listeners`)
  }
  return { durations, inUse }
}

function summary(durations) {
  const ms = (value) => `${number(value)} ms`
  return [
    ms(median(durations)),
    `${ms(quantile(durations, 0.25))}–${ms(quantile(durations, 0.75))}`,
    `${ms(min(durations))}–${ms(max(durations))}`,
  ]
}

async function timed(work) {
  const started = performance.now()
  await work()
  return performance.now() - started
}

const INTRO = `The snapshot is the first step of an audit: it reads the listeners of this host from the kernel's tables, in a running process. Its baseline is one run of \`ss -ltun\`, its start included. Every second allocation is listened to, on a loopback address that nothing else uses.`

const TOTALS =
  'The whole of `auditPorts()`: reading the allocations, the snapshot, and the verdicts written to disk.'
