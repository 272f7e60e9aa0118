// Gets the same services again and again, as callers do that start a server. None is ever released,
// so each must have the same number in every answer.
//
// node dist/processes/steady.js '{ "file", "name", "url", "until" }'
import { setTimeout as sleep } from 'node:timers/promises'
import { HOSTS, LARGE, now } from '../workload.js'
import { History } from './History.js'
import { endWithParent, get, openRegistry } from './registry.js'

const CONCURRENCY = 32
const SERVICES = 4

const { file, name, url, until } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
const ports = await openRegistry(history, url)
const places = HOSTS.flatMap((host) =>
  Array.from({ length: SERVICES }, (_, index) => ({
    project: LARGE.projectName,
    service: `${name}-${index}`,
    instance: '',
    host,
    proto: 'tcp' as const,
  })),
)
setInterval(() => process.send?.({ acknowledged: history.acknowledged }), 500).unref()
await Promise.all(Array.from({ length: CONCURRENCY }, (_, caller) => work(caller)))
process.exit(0)

async function work(caller: number) {
  const place = places[caller % places.length]!
  while (now() < until) {
    const { error } = await get(history, ports, place)
    if (error !== undefined) await sleep(20 + 60 * Math.random())
  }
}
