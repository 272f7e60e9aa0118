// A process on one of the machines that share the registry. PORTS_HOSTNAME names the machine. It
// makes random calls, one at a time, until its standard input ends, and is never restarted. It
// records its calls and their results for the checker of @ports/torture.
//
// node dist/client.js <history file> <name>
import { setTimeout as sleep } from 'node:timers/promises'
import { PortManager, type ReleasedPort } from '@ports/core'
import { openRepository } from '@ports/db'
import { briefly, History, notingLost, PROJECTS, PROTOCOLS, pick, SHARED } from '@ports/torture'
import { HOSTNAMES } from './hostnames.js'

const [, , file = '', name = ''] = process.argv
const history = new History(file)
const own = process.env.PORTS_HOSTNAME ?? ''

let ended = false
process.stdin.once('end', () => {
  ended = true
})
process.stdin.resume()

let keys = 0
let generation = 0
const ports = new PortManager(notingLost(history, await openRepository()))
while (!ended) {
  const outcome = await act()
  if (outcome === 'DATABASE_UNAVAILABLE') await sleep(20)
}
process.exit(0)

async function act() {
  const { projectName: project } = pick(PROJECTS)
  const { hostname, host } = pickHost()
  const proto = pick(PROTOCOLS)
  const service = `${name}-${generation}`
  const scope = { ...(hostname && { hostname }), protocol: proto }
  const asked = { project, service, host, proto }
  const dice = Math.random()

  if (dice < 0.2) {
    return record({ ...asked, op: 'get' }, (actor) =>
      ports.getOrAllocate(project, service, { ...scope, actor }),
    )
  }
  if (dice < 0.3) {
    const shared = pick(SHARED)
    return record({ ...asked, service: shared, op: 'get' }, (actor) =>
      ports.getOrAllocate(project, shared, { ...scope, actor }),
    )
  }
  if (dice < 0.65) {
    const key = `${name}-${keys++}`
    const call = () =>
      record({ ...asked, op: 'allocate', key }, (actor) =>
        ports.allocate(project, service, { ...scope, actor, idempotencyKey: key }),
      )
    const outcome = await call()
    return outcome === 'OUTCOME_UNKNOWN' ? call() : outcome
  }
  if (dice < 0.7) {
    const outcome = await record({ ...asked, op: 'allocate' }, (actor) =>
      ports.allocate(project, service, { ...scope, actor }),
    )
    return retireIfUnknown(outcome, service)
  }
  if (dice < 0.95) {
    const outcome = await record({ ...asked, op: 'release' }, (actor) =>
      released(ports.releasePorts(project, service, hostname, { protocol: proto, actor })),
    )
    return retireIfUnknown(outcome, service)
  }
  return record({ project, op: 'list' }, async () => briefly(await ports.listByProject(project)))
}

/** Returns this machine most of the time, by one of its names, and sometimes another one. */
function pickHost(): { hostname?: string; host: string } {
  const dice = Math.random()
  if (dice < 0.6) return { host: own }
  if (dice < 0.8) return { hostname: pick(['localhost', '127.0.0.1', own]), host: own }
  const host = pick(HOSTNAMES)
  return { hostname: host, host }
}

/** Replaces a service with an unknown outcome, so that the outcome of the others stays certain. */
async function retireIfUnknown(outcome: string | undefined, service: string) {
  if (outcome !== 'OUTCOME_UNKNOWN') return outcome
  generation++
  for (const { projectName: project } of PROJECTS) {
    for (const host of HOSTNAMES) {
      await record({ project, service, host, op: 'release' }, (actor) =>
        released(ports.releasePorts(project, service, host, { actor })),
      )
    }
  }
  return outcome
}

/** Returns the form that the checker reads. */
async function released(numbers: Promise<readonly ReleasedPort[]>) {
  return (await numbers).map(({ portNumber, protocol }) => [portNumber, protocol])
}

/** Returns the code of the call's error, if there was one. */
async function record(asked: object, call: (actor: string) => Promise<unknown>) {
  return (await history.record(asked, call)).error
}
