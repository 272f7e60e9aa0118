// One caller among many. It asks the registry at random, one call at a time, and writes down before
// each call what it asks and after it what it was told, in one write each, so that its history
// survives its own death. Its services are its own: nobody else allocates for them, and only its
// successor releases them once it is dead.
//
// node torture/worker.mjs <history file> <name> <until, µs> <name of the dead predecessor, or ->
import { openSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { PortManager, PortsError } from '@ports/core'
import { openRepository } from '@ports/db'
import { HOSTS, now, PROJECTS, PROTOCOLS, SHARED } from './workload.mjs'

const [, , file, name, until, predecessor] = process.argv
const history = openSync(file, 'a')
const SWEEP_AGAIN_AFTER = 3_000_000

let calls = 0
let generation = 0
let keys = 0
/** By key: the last idempotency key used, to ask under it again. */
const lastKey = new Map()

const ports = new PortManager(await open(), { hostname: 'alpha' })
if (predecessor !== '-') await sweep(predecessor)
let sweepAgainAt = predecessor === '-' ? Number.POSITIVE_INFINITY : now() + SWEEP_AGAIN_AFTER

while (now() < Number(until)) {
  if (now() > sweepAgainAt) {
    sweepAgainAt = Number.POSITIVE_INFINITY
    // What the predecessor had in flight when it died may have landed since.
    await sweep(predecessor)
  }
  const outcome = await act()
  if (outcome === 'DATABASE_UNAVAILABLE') await sleep(20)
}
process.exit(0)

async function open() {
  for (;;) {
    const repository = await record({ op: 'open' }, () => openRepository({ notify: () => {} }))
    if (repository instanceof Object) return repository
    await sleep(50)
  }
}

async function act() {
  const { projectName } = pick(PROJECTS)
  const scope = { hostname: pick(HOSTS), protocol: pick(PROTOCOLS) }
  const service = `${name}-${generation}`
  const asked = { project: projectName, service, host: scope.hostname, proto: scope.protocol }
  const dice = Math.random()

  if (dice < 0.25) {
    return record({ ...asked, op: 'get' }, () => ports.getOrAllocate(projectName, service, scope))
  }
  if (dice < 0.35) {
    const shared = pick(SHARED)
    return record({ ...asked, service: shared, op: 'get' }, () =>
      ports.getOrAllocate(projectName, shared, scope),
    )
  }
  if (dice < 0.65) return allocateUnderKey(asked, scope)
  if (dice < 0.7) {
    const outcome = await record({ ...asked, op: 'allocate' }, () =>
      ports.allocate(projectName, service, scope),
    )
    return retireIfUnknown(outcome, asked.service)
  }
  if (dice < 0.93) {
    const narrowed = Math.random() < 0.7
    const outcome = await record(
      { ...asked, proto: narrowed ? scope.protocol : undefined, op: 'release' },
      () =>
        ports.release(
          projectName,
          service,
          scope.hostname,
          narrowed ? { protocol: scope.protocol } : {},
        ),
    )
    return retireIfUnknown(outcome, asked.service)
  }
  return record({ project: projectName, op: 'list' }, async () =>
    (await ports.listByProject(projectName)).map(short),
  )
}

function short({ projectName, serviceName, hostname, protocol, portNumber }) {
  return [projectName, serviceName, hostname, protocol, portNumber]
}

/** One time in six under the key used last, which must give the same port while that is held. */
async function allocateUnderKey(asked, scope) {
  const place = Object.values(asked).join('/')
  const again = lastKey.get(place)
  const key = again !== undefined && Math.random() < 1 / 6 ? again : `${name}-${keys++}`
  lastKey.set(place, key)
  const call = () =>
    record({ ...asked, op: 'allocate', key }, () =>
      ports.allocate(asked.project, asked.service, { ...scope, idempotencyKey: key }),
    )
  const outcome = await call()
  return outcome === 'OUTCOME_UNKNOWN' ? call() : outcome
}

/** A service of which something is in doubt is given up, so that the rest stays exact. */
async function retireIfUnknown(outcome, service) {
  if (outcome !== 'OUTCOME_UNKNOWN') return outcome
  generation++
  lastKey.clear()
  await releaseAll(service)
  return outcome
}

/** Releases what a dead worker left behind. */
async function sweep(dead) {
  const services = new Set()
  const listed = await record({ op: 'list' }, async () => (await ports.listAll()).map(short))
  for (const [, service] of Array.isArray(listed) ? listed : []) {
    if (service.startsWith(`${dead}-`)) services.add(service)
  }
  for (const service of services) await releaseAll(service)
}

async function releaseAll(service) {
  for (const { projectName } of PROJECTS) {
    for (const host of HOSTS) {
      await record({ project: projectName, service, host, op: 'release' }, () =>
        ports.release(projectName, service, host),
      )
    }
  }
}

/** What the call gave, or the code of its error. */
async function record(asked, call) {
  const id = calls++
  write({ id, at: now(), ...asked })
  try {
    const told = await call()
    write({ id, end: now() + 1, ok: typeof told === 'object' && !Array.isArray(told) ? 1 : told })
    return told
  } catch (error) {
    const code = error instanceof PortsError ? error.code : 'RAW'
    const text = code === 'RAW' ? String(error?.stack ?? error) : error.message
    write({ id, end: now() + 1, error: code, text })
    return code
  }
}

function write(line) {
  writeSync(history, `${JSON.stringify(line)}\n`)
}

function pick(list) {
  return list[Math.floor(Math.random() * list.length)]
}
