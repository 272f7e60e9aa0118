// Reserves numbers of the shared ranges and removes the reservations while others take these
// numbers. The calls for one reservation are sequential.
//
// node dist/processes/reserver.js '{ "file", "url", "until" }'
import { setTimeout as sleep } from 'node:timers/promises'
import { now, RESERVED } from '../workload.js'
import { History } from './History.js'
import { endWithParent, openRegistry } from './registry.js'

const STAYS_MS = 800

export type Reserved = (typeof RESERVED)[number]

const { file, url, until } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
const ports = await openRegistry(history, url)
await Promise.all(RESERVED.map(change))
process.exit(0)

async function change(numbers: Reserved) {
  while (now() < until) {
    await reserve(numbers)
    await sleep(STAYS_MS * Math.random())
    await unreserve(numbers)
    await sleep((STAYS_MS / 2) * Math.random())
  }
}

/** Each reservation has a unique reason, so that it writes an event. */
function reserve(numbers: Reserved) {
  const { startPort, endPort } = numbers
  return history.record(
    { op: 'reserve', ...numbers },
    (actor) => ports.reserve({ startPort, endPort }, actor, { ...scopeOf(numbers), actor }),
    () => true,
  )
}

function unreserve(numbers: Reserved) {
  const { startPort, endPort } = numbers
  return history.record(
    { op: 'unreserve', ...numbers },
    (actor) => ports.unreserve({ startPort, endPort }, { ...scopeOf(numbers), actor }),
    (removed) => removed.length,
  )
}

function scopeOf({ boundTo, proto }: Reserved) {
  return { ...(boundTo && { hostname: boundTo }), ...(proto && { protocol: proto }) }
}
