// What an operation costs as the registry grows: the median latency of each, on the embedded
// database, with so many allocations in the range. One caller, so that nothing but the work itself
// is in the figure; the first column of every row is the same connection's `select 1`.
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { PortManager } from '@ports/core'
import { databaseStatus, openRepository, startDatabase, stopDatabase } from '@ports/db'
import pg from 'pg'
import { Bench } from 'tinybench'

const SIZES = [100, 1000, 10_000, 60_000]
const START = 2000

const home = mkdtempSync(join(tmpdir(), 'ports-bench-'))
process.env.PORTS_HOME = home
delete process.env.PORTS_DATABASE_URL

const { serverVersion, socketDirectory } = await startDatabase()
const repository = await openRepository()
const ports = new PortManager(repository)
const client = new pg.Client({ host: socketDirectory, user: 'ports', database: 'postgres' })
await client.connect()
await client.query('delete from ports.port_ranges')

const rows = []
for (const size of SIZES) rows.push(await measure(size))

const columns = Object.keys(rows[0])
console.log(
  `\n${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model.trim()}, ${cpus().length} cores, ` +
    `${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, PostgreSQL ${serverVersion}\n`,
)
console.log(`| ${columns.join(' | ')} |\n|${'---:|'.repeat(columns.length)}`)
for (const row of rows) console.log(`| ${Object.values(row).join(' | ')} |`)

await client.end()
await repository.close()
await stopDatabase()
const { dataDirectory } = await databaseStatus()
rmSync(join(dataDirectory, '..'), { recursive: true, force: true })
rmSync(home, { recursive: true, force: true })

/** The range is 98 % full, so that there is room for what the measured calls allocate. */
async function measure(size) {
  process.stderr.write(`${size} allocations …\n`)
  await ports.createRange({
    projectName: 'bench',
    startPort: START,
    endPort: START + Math.ceil(size / 0.98),
  })
  await client.query(
    `insert into ports.port_allocations (project_name, service_name, port_number, ordinal)
     select 'bench', 'service-' || number, $1 + number, 1
     from generate_series(0, $2 - 1) as number`,
    [START, size],
  )
  await client.query('vacuum analyze ports.port_allocations')

  const bench = new Bench({ time: 1000, warmupTime: 200 })
  let turn = 0
  const anyService = () => `service-${(turn++ * 7919) % size}`
  bench
    .add('`select 1`', () => client.query({ name: 'one', text: 'select 1' }))
    .add('getOrAllocate, held', () => ports.getOrAllocate('bench', anyService()))
    .add('getOrAllocate, new, and release', async () => {
      await ports.getOrAllocate('bench', 'extra')
      await ports.release('bench', 'extra')
    })
    .add('allocate and release', async () => {
      await ports.allocate('bench', 'extra')
      await ports.release('bench', 'extra')
    })
    .add('getProjectSummary', () => ports.getProjectSummary('bench'))
    .add('listPage of 50', () => ports.listPage({ projectName: 'bench', limit: 50 }))
    .add('listByProject', () => ports.listByProject('bench'))
  await bench.run()

  await ports.auditPorts()
  const audited = performance.now()
  await ports.auditPorts()
  const audit = performance.now() - audited

  await client.query(`update ports.port_allocations set status = 'released'`)
  await ports.deleteRange('bench')
  const medians = bench.tasks.map(({ name, result }) => {
    if (result.state !== 'completed') throw new Error(`${name}: ${result.state}`)
    return [`${name}`, ms(result.latency.p50)]
  })
  return { allocations: size, ...Object.fromEntries(medians), auditPorts: ms(audit) }
}

function ms(duration) {
  const digits = { maximumSignificantDigits: 2, useGrouping: false }
  return `${new Intl.NumberFormat('en', digits).format(duration)} ms`
}
