// Reserves numbers of the shared ranges and removes the reservations, several at a time, while others
// take these numbers. One call after the other for each.
//
// node torture/processes/reserver.mjs '{ "file", "url", "until" }'
import { setTimeout as sleep } from 'node:timers/promises'
import { now, RESERVED } from '../workload.mjs'
import { History } from './History.mjs'
import { endWithParent, openRegistry } from './registry.mjs'

const STAYS_MS = 800

/** @typedef {typeof RESERVED[number]} Reserved */

const { file, url, until } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
const ports = await openRegistry(history, url)
await Promise.all(RESERVED.map(change))
process.exit(0)

/** @param {Reserved} numbers */
async function change(numbers) {
  while (now() < until) {
    await reserve(numbers)
    await sleep(STAYS_MS * Math.random())
    await unreserve(numbers)
    await sleep((STAYS_MS / 2) * Math.random())
  }
}

/**
 * Under a reason of its own, so that each writes an event.
 * @param {Reserved} numbers
 */
function reserve(numbers) {
  const { startPort, endPort } = numbers
  return history.record(
    { op: 'reserve', ...numbers },
    (actor) => ports.reserve({ startPort, endPort }, actor, { ...scopeOf(numbers), actor }),
    () => true,
  )
}

/** @param {Reserved} numbers */
function unreserve(numbers) {
  const { startPort, endPort } = numbers
  return history.record(
    { op: 'unreserve', ...numbers },
    (actor) => ports.unreserve({ startPort, endPort }, { ...scopeOf(numbers), actor }),
    (removed) => removed.length,
  )
}

/** @param {Reserved} numbers */
function scopeOf({ boundTo, proto }) {
  return { ...(boundTo && { hostname: boundTo }), ...(proto && { protocol: proto }) }
}
