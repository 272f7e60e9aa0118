// Starts three nodes and the address of the cluster on this machine, from the files of this folder.
// Lets clients with different hostnames allocate, and takes the primary away in several ways. Then
// reports whether anything was lost or given twice, and for how long no write was acknowledged.
//
// node deploy/failover.mjs [--faults machine,machine,postgres,patroni,freeze,standby]
//   [--pgbouncer] [--install] [--etcd-api etcd3] [--sabotage] [--keep]
// As root. Progress is on stderr, the report on stdout. Exit 1 when something was lost, given twice
// or unavailable for more than 30 s.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { PortManager } from '@ports/core'
import { migrate, openRepository, seed } from '@ports/db'
import { check, createProjects, now, PROJECTS } from '@ports/torture'
import { useOwnSettings } from '../test/ownSettings.mjs'
import { acknowledgedWrites, longestSilence, longestSilenceOfOne } from './availability.mjs'
import { Cluster } from './Cluster.mjs'
import { install, installLine, missingPackages, versions } from './debianPackages.mjs'
import { FAULTS } from './faults.mjs'
import { Interfaces } from './interfaces.mjs'
import { HOSTNAMES } from './machines.mjs'

const CLIENT = fileURLToPath(new URL('client.mjs', import.meta.url))
const CLIENTS_PER_MACHINE = 2
const MOST_SECONDS = 30
/** Under load, before the first fault and after each. */
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
  if (!FAULTS[name]) refuse(`--faults is a list of ${Object.keys(FAULTS).join(', ')}`)
  return FAULTS[name]
})
if (process.getuid?.() !== 0) refuse('this starts servers under other accounts: run it as root')
const missing = missingPackages(values.pgbouncer)
if (missing.length > 0 && !values.install) {
  refuse(`missing: ${missing.join(', ')}. Install them, or use --install:\n${installLine(missing)}`)
}
if (missing.length > 0) install(missing)

// The clients inherit it: what listens on this machine decides nothing.
process.env.PORTS_PASS_OVER = 'none'

const directory = mkdtempSync(join(tmpdir(), 'ports-failover-'))
// So that the accounts of the servers can enter.
chmodSync(directory, 0o711)
useOwnSettings(directory)
const histories = join(directory, 'histories')
mkdirSync(histories)
const cluster = new Cluster(directory, {
  pgbouncer: values.pgbouncer,
  etcdApi: values['etcd-api'],
})
const interfaces = new Interfaces(cluster.url)
const clients = []
const crashes = []
let cleaning

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

async function run() {
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

  const rounds = []
  for (const fault of faults) rounds.push(await suffer(fault, held))
  await endClients()

  const at = now()
  const registry = await finalRegistry()
  const verdict = check(histories, { at, end: now(), rows: registry.rows }, { records: registry })
  return report(rounds, verdict)
}

async function portOfEveryInterface() {
  const answers = await interfaces.ask('held')
  const [{ port }] = answers
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

function startClient(hostname, name) {
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

/** Every client has been told something many times. */
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
      child.stdin.end()
      return once(child, 'exit')
    }),
  )
}

/** Injects a fault, and waits until the cluster is whole again and has worked for a while. */
async function suffer(fault, held) {
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

/** The live rows and the events of the clients' projects. */
async function finalRegistry() {
  const projects = PROJECTS.map(({ projectName }) => `'${projectName}'`).join(', ')
  const what = `project_name as project, service_name as service, instance, hostname as host,
    protocol as proto, port_number as port`
  const rows = await cluster.sql(
    'ports',
    `select id::float8 as allocation, ${what}
     from ports.allocations
     where project_name in (${projects})`,
  )
  const events = await cluster.sql(
    'ports',
    `select id::float8, xid::text as transaction, actor, what,
       allocation_id::float8 as allocation, ${what}
     from ports.events
     where allocation_id is not null and project_name in (${projects})`,
  )
  return { rows, events }
}

/** True if anything is wrong. */
function report(rounds, verdict) {
  const writes = acknowledgedWrites(histories)
  const wrong = Object.entries(verdict.found)
  wrong.push(['client that crashed', crashes.length])
  let tooLong = false
  let isDown = false

  print(
    `${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model.trim()}, ${cpus().length} cores, ` +
      `${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ` +
      `${versions(values.pgbouncer).join(', ')} (${cluster.etcdApi}:); ${HOSTNAMES.length} machines with ` +
      `${CLIENTS_PER_MACHINE} clients each${values.sabotage ? ', commits wait for no standby' : ''}`,
  )
  print(
    '\n| fault | primary | no write acknowledged for | longest for one client | writes acknowledged since the fault before | and from this one to the next |',
  )
  print('|---|---|---:|---:|---:|---:|')
  let before = 0
  for (const { fault, moved, from, until } of rounds) {
    const silence = longestSilence(writes, from, until)
    const ofOne = longestSilenceOfOne(writes, from, until)
    if (ofOne > MOST_SECONDS) tooLong = true
    const count = (start, end) => writes.filter(({ at }) => at >= start && at < end).length
    print(
      `| ${fault.title} | ${moved} | ${silence.toFixed(1)} s | ${ofOne.toFixed(1)} s | ` +
        `${count(before, from)} | ${count(from, until)} |`,
    )
    before = from
  }

  print(
    '\n`ports get` through each interface: called when the fault happened, and once a primary was there again',
  )
  print(`\n| fault | ${rounds[0].after.map(({ name }) => `${name} | again`).join(' | ')} |`)
  print(`|---${'|---'.repeat(2 * rounds[0].after.length)}|`)
  for (const { fault, during, after, held } of rounds) {
    const cells = after.map((answer, index) => `${told(during[index])} | ${told(answer)}`)
    print(`| ${fault.title} | ${cells.join(' | ')} |`)
    if (after.some(({ port }) => port !== held)) isDown = true
  }

  table('acknowledged', Object.entries(verdict.acknowledged))
  table('told an error', Object.entries(verdict.errors))
  table('found wrong', wrong)
  print(`\nSlowest call: ${(verdict.slowest / 1e6).toFixed(1)} s.`)
  const examples = [...verdict.examples, ...crashes.map((details) => ({ kind: 'crash', details }))]
  for (const { kind, details } of examples) print(`\n${kind}: ${JSON.stringify(details)}`)
  const isLost = wrong.some(([, count]) => count > 0)
  print(
    `\n${isLost ? 'Something was lost or given twice, see above.' : 'Nothing was lost or given twice.'} ` +
      `${tooLong ? `Unavailable for more than ${MOST_SECONDS} s.` : `Never unavailable for more than ${MOST_SECONDS} s.`} ` +
      `${isDown ? 'An interface did not recover by itself.' : 'Every interface recovered by itself.'}`,
  )
  return isLost || tooLong || isDown
}

function told({ port, error, seconds }) {
  return `${port ?? error}, ${seconds.toFixed(1)} s`
}

function table(title, rows) {
  print(`\n| ${title} | |\n|---|---:|`)
  for (const [name, count] of rows) print(`| ${name} | ${count} |`)
}

function print(line) {
  console.log(line)
}

function say(line) {
  console.error(`${new Date().toISOString().slice(11, 19)} ${line}`)
}

function refuse(line) {
  console.error(line)
  process.exit(2)
}

/** Cleans up once. An interruption makes the run fail too, and both ask for it. */
function cleanUp(keep) {
  cleaning ??= end(keep)
  return cleaning
}

async function end(keep) {
  for (const child of clients) child.kill('SIGKILL')
  await interfaces.close()
  await cluster.end()
  if (keep) say(`histories and logs are in ${directory}`)
  else rmSync(directory, { recursive: true, force: true })
}
