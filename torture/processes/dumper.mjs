// Dumps the registry again and again while others change it.
//
// node torture/processes/dumper.mjs '{ "file", "url", "until", "least", "last" }'
import { setTimeout as sleep } from 'node:timers/promises'
import { now } from '../workload.mjs'
import { History } from './History.mjs'
import { briefly, endWithParent, openRegistry } from './registry.mjs'

const PAUSE_MS = 100

const { file, url, until, least, last } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
const ports = await openRegistry(history, url)
let dumps = 0
while (now() < until || (dumps < least && now() < last)) {
  const { ok } = await history.record({ op: 'dump' }, () => ports.dump(), inBrief)
  if (ok !== undefined) dumps++
  await sleep(PAUSE_MS)
}
process.send?.({ done: dumps }, () => process.exit(0))

/**
 * The events are many, so only the ids of the allocations are kept that they leave held, and who made
 * those that the document does not have.
 * @param {import('@ports/core').RegistryDocument} document
 */
function inBrief({ allocations, ranges, events }) {
  const left = new Map()
  for (const { what, allocationId, actor } of events) {
    if (what === 'allocated') left.set(allocationId, actor)
    if (what === 'released' || what === 'lease-ended') left.delete(allocationId)
  }
  const ids = allocations.map(({ id }) => id)
  const held = new Set(ids)
  return {
    held: briefly(allocations),
    ids,
    heldByEvents: [...left.keys()],
    makers: Object.fromEntries([...left].filter(([id]) => !held.has(id))),
    ranges: ranges.map(({ projectName, startPort, endPort, hostname }) => [
      projectName,
      startPort,
      endPort,
      hostname,
    ]),
  }
}
