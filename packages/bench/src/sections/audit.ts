import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import type { PortManager } from '@ports/core'
import { max, median, min, quantile } from 'simple-statistics'
import { wallTime } from '../childProcess.js'
import { hold } from '../holdings.js'
import { listen } from '../listeners.js'
import { milliseconds, number } from '../report.js'
import type { Context } from '../Section.js'
import { timed } from '../timed.js'

export const title = 'Audit'

const START = 20_000

const intro =
  "The snapshot is the first step of an audit: it reads the listeners of this host from the kernel's tables, in a running process. Its baseline is one run of `ss -ltun`, including its start. A process listens on the port of every second allocation, on a loopback address that nothing else uses."

const TOTALS =
  'The whole of `auditPorts()`: reading the allocations, the snapshot, and writing the verdicts to disk.'

export async function measure(context: Context) {
  try {
    execFileSync('ss', ['-V'])
  } catch (error) {
    throw new Error('ss is missing: apt-get install iproute2', { cause: error })
  }
  const shortfall = await whyProcIsSlow()
  const rows = []
  const totals = []
  for (const size of context.quick ? [100] : [100, 1000, 10_000]) {
    const { row, total } = await measureSize(size, shortfall, context)
    rows.push(row)
    totals.push(total)
  }
  const columns = ['allocations', 'in use', 'median', 'middle half', 'all']
  return { intro, rows, tables: [{ caption: TOTALS, columns, rows: totals }] }
}

async function measureSize(size: number, shortfall: string, context: Context) {
  const { pairs, signal } = context
  await using registry = await context.newRegistry()
  const { ports, pool } = registry
  await ports.createRange({ projectName: 'bench', startPort: START, endPort: START + size - 1 })
  await hold(pool, { projects: ['bench'], count: size, prefix: 'service-' })
  await pool.query('vacuum analyze ports.port_allocations')
  await using listeners = await listen(START, size / 2, signal)

  const row = await context.compare({
    name: `snapshot, ${number(listeners.count)} of ${number(size)} ports listening`,
    kind: 'cost',
    target: 2,
    // The snapshot is the same for one port as for all, and takes almost all of the time.
    ours: () => timed(() => ports.checkPort(START)),
    baseline: () => wallTime('ss', ['-ltun'], { signal }),
    shortfall,
  })
  const { durations, inUse } = await auditTimes(ports, pairs, listeners.count)
  return {
    row,
    total: [
      number(size),
      number(inUse),
      milliseconds(median(durations)),
      `${milliseconds(quantile(durations, 0.25))}–${milliseconds(quantile(durations, 0.75))}`,
      `${milliseconds(min(durations))}–${milliseconds(max(durations))}`,
    ],
  }
}

/** Measured here, because the kernel's table of connections grows with the memory of the machine. */
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
    `For /proc/net/tcp, and again for tcp6, the kernel walks its table${buckets} of all ` +
    `connections: ${milliseconds(median(durations))} here for tcp6, which is almost empty. ss asks ` +
    'for listeners alone, over netlink, which Node does not support.'
  )
}

/** @throws {Error} if an audit misses a listener, because a wrong result must not count */
async function auditTimes(ports: PortManager, times: number, listening: number) {
  const durations = []
  let inUse = 0
  // The first audit loads Prisma, and changes every status.
  for (let turn = -1; turn < times; turn++) {
    const duration = await timed(async () => {
      inUse = (await ports.auditPorts()).inUse
    })
    if (turn >= 0) durations.push(duration)
    if (inUse < listening) throw new Error(`An audit saw ${inUse} of ${listening} listeners`)
  }
  return { durations, inUse }
}
