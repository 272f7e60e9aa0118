// Runs after the faults: getOrAllocate must return the ports of every service with an unknown
// outcome. The resolver releases each returned port and calls again until it has all of them.
//
// node dist/processes/resolver.js '{ "file", "unresolved", "url" }'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFull } from '../checker/histories.js'
import { History } from './History.js'
import { endWithParent, get, openRegistry, releaseOnce, type ScopedPlace } from './registry.js'

/** The server may still be recovering from the last fault. */
const ATTEMPTS = 100
const CONCURRENCY = 8

const { file, unresolved, url } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
const left: (ScopedPlace & { ports: number[] })[] = JSON.parse(readFileSync(unresolved, 'utf8'))
const ports = await openRegistry(history, url)
await Promise.all(Array.from({ length: CONCURRENCY }, resolveRest))
process.exit(0)

async function resolveRest() {
  for (let service = left.pop(); service; service = left.pop()) await resolve(service)
}

async function resolve({ ports: held, ...place }: (typeof left)[number]) {
  const unacknowledged = new Set(held)
  do {
    const told = await retry(() => get(history, ports, place))
    if (told === undefined) return
    await retry(() => releaseOnce(history, ports, { ...place, port: told }))
    // The service did not hold this port, so it has no others.
    if (!unacknowledged.delete(told)) return
  } while (unacknowledged.size > 0)
}

async function retry<Result>(call: () => Promise<{ ok?: Result; error?: string | undefined }>) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { ok, error } = await call()
    if (error === undefined) return ok
    if (isFull(error) || error === 'RAW') return undefined
    await sleep(100)
  }
  return undefined
}
