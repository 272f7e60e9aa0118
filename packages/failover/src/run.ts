// Starts three nodes and the address of the cluster on this machine, from the files of deploy/.
// Lets clients with different hostnames allocate, and takes the primary away in several ways.
// Reports whether anything was lost or given twice, and for how long no write was acknowledged.
//
// pnpm failover [--faults machine,machine,postgres,patroni,freeze,standby]
//   [--pgbouncer] [--install] [--etcd-api etcd3] [--sabotage] [--keep]
// As root. Progress is on stderr, the report on stdout. Exit 1 when something was lost, given twice
// or unavailable for more than 30 s.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { PortManager } from '@ports/core'
import { migrate, openRepository, seed } from '@ports/db'
import { tempDirectory, useHome } from '@ports/testkit'
import { check, createProjects, now, PROJECTS, readRecords, readTable } from '@ports/torture'
import { Cluster } from './Cluster.js'
import { install, installLine, missingPackages } from './debianPackages.js'
import { FAULTS, type Fault } from './faults.js'
import { HOSTNAMES } from './hostnames.js'
import { Interfaces } from './interfaces.js'
import { type Crash, type Round, report } from './report.js'

const CLIENT = fileURLToPath(new URL('client.js', import.meta.url))
const CLIENTS_PER_MACHINE = 2
/** The time under load before the first fault and after each fault. */
const CALM_MS = 5_000

const { values } = parseArgs({
  options: {
    faults: { type: 'string', default: 'machine,machine,postgres,patroni,freeze,standby' },
    pgbouncer: { type: 'boolean', default: false },
    install: { type: 'boolean', default: false },
    /** etcd or etcd3; see cluster.env for what the wrong one does. */
    'etcd-api': { type: 'string' },
    /** Commits do not wait for a standby, which the checker must notice. */
    sabotage: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
})
const faults = values.faults.split(',').map((name) => {
  return FAULTS[name] ?? refuse(`--faults is a list of ${Object.keys(FAULTS).join(', ')}`)
})
if (process.getuid?.() !== 0) refuse('this starts servers under other accounts: run it as root')
const missing = missingPackages(values.pgbouncer)
if (missing.length > 0 && !values.install) {
  refuse(`missing: ${missing.join(', ')}. Install them, or use --install:\n${installLine(missing)}`)
}
if (missing.length > 0) install(missing)

const directory = tempDirectory('ports-failover-')
useHome(directory)
const histories = join(directory, 'histories')
mkdirSync(histories)
const cluster = new Cluster(directory, {
  pgbouncer: values.pgbouncer,
  etcdApi: values['etcd-api'],
})
const interfaces = new Interfaces(cluster.url)
const clients: ChildProcess[] = []
const crashes: Crash[] = []
let cleaning: Promise<void> | undefined

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, async () => {
    say('interrupted; cleaning up')
    await cleanUp(false)
    process.exit(130)
  })
}

let failed = true
try {
  failed = await run()
} finally {
  await cleanUp(values.keep || failed)
}
process.exit(failed ? 1 : 0)

/** Returns true if anything is wrong. */
async function run(): Promise<boolean> {
  say(`starting three nodes in ${directory}`)
  await cluster.start()
  await prepare()
  if (values.sabotage) {
    await cluster.configure({ postgresql: { parameters: { synchronous_commit: 'local' } } })
    await cluster.untilSet('synchronous_commit', 'local')
  }
  await interfaces.open()
  const held = await portOfEveryInterface()
  for (const hostname of HOSTNAMES) {
    for (let nth = 0; nth < CLIENTS_PER_MACHINE; nth++) startClient(hostname, `${hostname}${nth}`)
  }
  await untilUnderLoad()
  await sleep(CALM_MS)

  const rounds: Round[] = []
  for (const fault of faults) rounds.push(await suffer(fault, held))
  await endClients()

  const { table, records } = await finalRegistry()
  const verdict = check(histories, table, { records })
  const clientsText = `${HOSTNAMES.length} machines with ${CLIENTS_PER_MACHINE} clients each`
  const sabotage = values.sabotage ? ', commits wait for no standby' : ''
  const setting = `(${cluster.etcdApi}:); ${clientsText}${sabotage}`
  return report({ rounds, verdict, crashes, histories, pgbouncer: values.pgbouncer, setting })
}

async function portOfEveryInterface() {
  const answers = await interfaces.ask('held')
  const port = answers[0]?.port
  if (port === undefined || answers.some((answer) => answer.port !== port)) {
    throw new Error(`the interfaces do not agree: ${JSON.stringify(answers)}`)
  }
  return port
}

async function prepare() {
  const url = cluster.url
  await migrate({ url })
  await seed({ url })
  const repository = await openRepository({ url })
  await createProjects(new PortManager(repository))
  await repository.close()
}

function startClient(hostname: string, name: string) {
  const child = spawn(process.execPath, [CLIENT, join(histories, `${name}.jsonl`), name], {
    env: { ...process.env, PORTS_DATABASE_URL: cluster.url, PORTS_HOSTNAME: hostname },
    stdio: ['pipe', 'ignore', 'pipe'],
  })
  let complaint = ''
  child.stderr.on('data', (text) => {
    complaint += text
  })
  child.once('exit', (code, signal) => {
    if (code !== 0 && signal !== 'SIGKILL') crashes.push({ name, code, signal, complaint })
  })
  clients.push(child)
}

/** Waits until every client has recorded many calls. */
async function untilUnderLoad() {
  const sizes = () => readdirSync(histories).map((file) => statSync(join(histories, file)).size)
  while (sizes().length < clients.length || Math.min(...sizes()) < 10_000) {
    if (crashes.length > 0) throw new Error(JSON.stringify(crashes[0]))
    await sleep(100)
  }
}

async function endClients() {
  const running = clients.filter(({ exitCode, signalCode }) => exitCode === null && !signalCode)
  await Promise.all(
    running.map((child) => {
      child.stdin?.end()
      return once(child, 'exit')
    }),
  )
}

/** Injects a fault, and waits until the cluster is whole again and has worked for a while. */
async function suffer(fault: Fault, held: number): Promise<Round> {
  await cluster.untilWhole()
  const machine = await cluster.machineThatIs(fault.victim)
  const from = now()
  say(`${machine.name}: ${fault.title}`)
  await fault.inject(
    machine,
    cluster.machines.filter((other) => other !== machine),
  )
  const during = interfaces.ask('held')
  await cluster.untilWritable(fault.movesPrimary ? machine : undefined)
  const primary = (await cluster.machineThatIs('leader')).name
  say(`${primary} takes writes, ${((now() - from) / 1e6).toFixed(1)} s later`)
  const after = await interfaces.ask('held')
  await sleep(CALM_MS)
  await fault.undo(machine)
  await cluster.untilWhole()
  say(`three healthy nodes again, ${((now() - from) / 1e6).toFixed(1)} s after the fault`)
  await sleep(CALM_MS)
  return {
    fault,
    moved: `${machine.name} → ${primary}`,
    from,
    until: now(),
    during: await during,
    after,
    held,
  }
}

/** Reads the final state of the clients' projects from the server. */
async function finalRegistry() {
  const server = { retry: (text: string) => cluster.sql('ports', text) }
  const isOfClients = ({ project }: { project: string }) =>
    PROJECTS.some(({ projectName }) => projectName === project)
  const { rows, ...table } = await readTable(server)
  const records = await readRecords(server)
  return {
    table: { ...table, rows: rows.filter(isOfClients) },
    records: {
      ...records,
      rows: records.rows.filter(isOfClients),
      events: records.events.filter(isOfClients),
    },
  }
}

function say(line: string) {
  console.error(`${new Date().toISOString().slice(11, 19)} ${line}`)
}

function refuse(line: string): never {
  console.error(line)
  process.exit(2)
}

/** Cleans up only once. An interruption also makes the run fail, and both call this. */
function cleanUp(keep: boolean) {
  cleaning ??= end(keep)
  return cleaning
}

async function end(keep: boolean) {
  for (const child of clients) child.kill('SIGKILL')
  await interfaces.close()
  await cluster.end()
  if (keep) say(`histories and logs are in ${directory}`)
  else rmSync(directory, { recursive: true, force: true })
}
