// Dumps the registry repeatedly while others change it.
//
// node dist/processes/dumper.js '{ "file", "url", "until", "least", "last" }'

import { setTimeout as sleep } from 'node:timers/promises'
import type { RegistryDocument } from '@ports/core'
import { now } from '../workload.js'
import { History } from './History.js'
import { briefly, endWithParent, openRegistry } from './registry.js'

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
 * There are many events. Only the allocations that they leave held are recorded, and the calls that
 * made those missing in the document.
 */
function inBrief({ allocations, ranges, events }: RegistryDocument) {
  const left = new Map<number, string | undefined>()
  for (const { what, allocationId = 0, actor } of events) {
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
