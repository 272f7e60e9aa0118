// Adds ranges to projects and removes them concurrently, while others take their numbers. It
// releases the ports of a range before it removes the range, except those of shared services.
//
// node dist/processes/rangeChanger.js '{ "file", "url", "until", "least", "last" }'
import { setTimeout as sleep } from 'node:timers/promises'
import { now, SHARED, TEMPORARY } from '../workload.js'
import { History } from './History.js'
import { briefly, endWithParent, openRegistry, releaseOnce } from './registry.js'

const ATTEMPTS = 5
const STAYS_MS = 600

export type Temporary = (typeof TEMPORARY)[number]

const { file, url, until, least, last } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
const ports = await openRegistry(history, url)
let removed = 0
await Promise.all(TEMPORARY.map(change))
process.send?.({ done: removed }, () => process.exit(0))

async function change(range: Temporary) {
  while (now() < until || (removed < least && now() < last)) {
    await add(range)
    await sleep(STAYS_MS * Math.random())
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const { error } = await remove(range)
      if (error === undefined) removed++
      if (error !== 'RANGE_IN_USE') break
      await releaseAll(range)
    }
    await sleep((STAYS_MS / 2) * Math.random())
  }
}

function add(range: Temporary) {
  const { project, startPort, endPort, boundTo } = range
  return history.record(
    { op: 'addRange', ...range },
    (actor) =>
      ports.addRange(
        project,
        { startPort, endPort, ...(boundTo && { hostname: boundTo }) },
        { actor },
      ),
    () => true,
  )
}

function remove(range: Temporary) {
  const { project, startPort, boundTo } = range
  return history.record(
    { op: 'removeRange', ...range },
    (actor) =>
      ports.removeRange(project, startPort, { actor, ...(boundTo && { hostname: boundTo }) }),
    () => true,
  )
}

async function releaseAll({ project, startPort, endPort }: Temporary) {
  const { ok } = await history.record(
    { op: 'list', project },
    () => ports.listByProject(project),
    briefly,
  )
  for (const { serviceName, portNumber, hostname, instance } of ok ?? []) {
    const isInside = portNumber >= startPort && portNumber <= endPort
    if (!isInside || SHARED.includes(serviceName)) continue
    await releaseOnce(history, ports, { project, service: serviceName, instance, host: hostname })
  }
}
