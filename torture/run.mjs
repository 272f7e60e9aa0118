// Many processes allocate, get, release and list on a registry of their own while faults are
// injected; then the checker judges what they were told.
//
// node torture/run.mjs [--seconds 120] [--processes 12] [--pause 250] [--sabotage <name>] [--keep]
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { PortManager } from '@ports/core'
import { openRepository, startDatabase, stopDatabase } from '@ports/db'
import pg from 'pg'
import { check } from './check.mjs'
import { Faults } from './faults.mjs'
import { SABOTAGES } from './sabotage.mjs'
import { now, PROJECTS } from './workload.mjs'

const WORKER = fileURLToPath(new URL('worker.mjs', import.meta.url))
/** Longer than any call may take, the start of a crashed server included. */
const PATIENCE_MS = 120_000

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '120' },
    processes: { type: 'string', default: '12' },
    /** Milliseconds from one fault to the next, on average. */
    pause: { type: 'string', default: '250' },
    sabotage: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds)
const sabotage = values.sabotage === undefined ? async () => {} : SABOTAGES[values.sabotage]
if (!sabotage) throw new Error(`--sabotage is one of ${Object.keys(SABOTAGES).join(', ')}`)

/** The workers. Whoever dies has a successor, until the time is up. */
class Crew {
  crashes = []
  #alive = new Set()
  #directory
  #until
  #hired = 0

  constructor(directory, until) {
    this.#directory = directory
    this.#until = until
  }

  hire(predecessor = '-') {
    const name = `w${this.#hired++}`
    const file = join(this.#directory, `${name}.jsonl`)
    const child = spawn(process.execPath, [WORKER, file, name, this.#until, predecessor], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#alive.add(child)
    let complaint = ''
    child.stderr.on('data', (text) => {
      complaint += text
    })
    child.once('exit', (code, signal) => {
      this.#alive.delete(child)
      if (code !== 0 && signal !== 'SIGKILL') this.crashes.push({ name, code, signal, complaint })
      if (now() < this.#until) this.hire(name)
    })
  }

  any() {
    const alive = [...this.#alive]
    return alive[Math.floor(Math.random() * alive.length)]
  }

  /** How many had to be killed because they would not end. */
  async end() {
    const giveUpAt = Date.now() + PATIENCE_MS
    while (this.#alive.size > 0 && Date.now() < giveUpAt) await sleep(50)
    const hung = this.#alive.size
    for (const child of this.#alive) child.kill('SIGKILL')
    return hung
  }
}

const home = mkdtempSync(join(tmpdir(), 'ports-torture-'))
// So that the server's own account can enter, and the data stay in it, under root too.
chmodSync(home, 0o755)
const histories = join(home, 'histories')
mkdirSync(histories)
process.env.PORTS_HOME = home
delete process.env.PORTS_DATABASE_URL

const { serverVersion, socketDirectory, dataDirectory } = await startDatabase({ notify: () => {} })
const connection = { host: socketDirectory, user: 'ports', database: 'postgres' }
let failed = true
try {
  const ports = new PortManager(await openRepository())
  for (const project of PROJECTS) await ports.createRange(project)
  await withClient(sabotage)

  const until = now() + seconds * 1_000_000
  const crew = new Crew(histories, until)
  for (let process = 0; process < Number(values.processes); process++) crew.hire()
  const faults = new Faults(crew, connection, dataDirectory)
  await faults.injectUntil(until, now, Number(values.pause))
  faults.resumeAll()
  const hung = await crew.end()

  await untilAnswered(() => ports.listAll())
  const { rows } = await withClient((client) =>
    client.query(
      `select project_name as project, service_name as service, hostname as host,
         protocol as proto, port_number as port
       from ports.port_allocations
       where status <> 'released'`,
    ),
  )
  const corrupt = await withClient(corruptIndexes)
  const verdict = check(histories, rows)
  failed = print(verdict, { faults: faults.counts, crashes: crew.crashes, hung, corrupt })
} finally {
  await stopDatabase()
  if (failed || values.keep) {
    console.log(`\nThe histories are in ${histories}`)
  } else {
    rmSync(join(dataDirectory, '..'), { recursive: true, force: true })
    rmSync(home, { recursive: true, force: true })
  }
}
process.exit(failed ? 1 : 0)

/** The last fault may have been a moment ago. */
async function untilAnswered(call) {
  const giveUpAt = Date.now() + PATIENCE_MS
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (error.code !== 'DATABASE_UNAVAILABLE' || Date.now() > giveUpAt) throw error
    }
    await sleep(100)
  }
}

async function withClient(work) {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Undefined where the server comes without amcheck. */
async function corruptIndexes(client) {
  const { rowCount } = await client.query(
    `select from pg_available_extensions where name = 'amcheck'`,
  )
  if (rowCount === 0) return undefined
  await client.query('create extension amcheck')
  const { rows } = await client.query(
    `select indexrelid::regclass::text as name
     from pg_index
     join pg_class on pg_class.oid = indexrelid
     join pg_am on pg_am.oid = relam
     where amname = 'btree' and indexrelid::regclass::text like 'ports.%'`,
  )
  const corrupt = []
  for (const { name } of rows) {
    await client
      .query('select bt_index_check($1::regclass, true)', [name])
      .catch((error) => corrupt.push(`${name}: ${error.message}`))
  }
  return corrupt
}

/** True if anything is wrong. */
function print(verdict, { faults, crashes, hung, corrupt }) {
  const { found, acknowledged, errors, unanswered, exhausted, slowest } = verdict
  const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0)
  const wrong = Object.fromEntries(Object.entries(found).map(([kind, list]) => [kind, list.length]))
  wrong['worker that crashed by itself'] = crashes.length
  wrong['worker that hung'] = hung
  wrong['corrupt index (amcheck)'] = corrupt?.length ?? 0

  console.log(
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model.trim()}, ${cpus().length} cores, ` +
      `${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ` +
      `PostgreSQL ${serverVersion}; ${values.processes} processes, ${seconds} s` +
      `${values.sabotage === undefined ? '' : `, sabotaged: ${values.sabotage}`}`,
  )
  table('acknowledged', { ...acknowledged, 'in all': sum(acknowledged) })
  table('told an error', errors)
  table('told nothing', { 'killed in the middle of a call': unanswered })
  table('faults', { ...faults, 'in all': sum(faults) })
  table('found wrong', wrong)
  console.log(
    `\nRANGE_EXHAUSTED was told ${exhausted.refused} times, ${exhausted.decided} of them with no ` +
      'allocation of unknown outcome in that range before. ' +
      `Slowest call: ${(slowest / 1e6).toFixed(1)} s. ` +
      `${corrupt === undefined ? 'No amcheck in this server: indexes not checked.' : ''}`,
  )
  for (const [kind, list] of Object.entries({ ...found, crashes, corrupt: corrupt ?? [] })) {
    for (const example of list.slice(0, 2)) console.log(`\n${kind}: ${JSON.stringify(example)}`)
  }
  return sum(wrong) > 0
}

function table(title, counts) {
  console.log(`\n| ${title} | |\n|---|---:|`)
  for (const [name, count] of Object.entries(counts)) console.log(`| ${name} | ${count} |`)
}
