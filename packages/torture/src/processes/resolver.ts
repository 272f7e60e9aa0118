// The last phase, with all faults off: for every service in doubt, getOrAllocate must tell what it
// holds. Told one, the resolver releases that one and asks again, until it was told all.
//
// node dist/processes/resolver.js '{ "file", "doubts", "url" }'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFull } from '../check/histories.js'
import { History } from './History.js'
import { endWithParent, get, openRegistry, releaseOnce, type ScopedPlace } from './registry.js'

/** The server may still be recovering from the last fault. */
const ATTEMPTS = 100
const LANES = 8

const { file, doubts, url } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
const left: (ScopedPlace & { ports: number[] })[] = JSON.parse(readFileSync(doubts, 'utf8'))
const ports = await openRegistry(history, url)
await Promise.all(Array.from({ length: LANES }, resolveRest))
process.exit(0)

async function resolveRest() {
  for (let doubt = left.pop(); doubt; doubt = left.pop()) await resolve(doubt)
}

async function resolve({ ports: held, ...place }: (typeof left)[number]) {
  const untold = new Set(held)
  do {
    const told = await insist(() => get(history, ports, place))
    if (told === undefined) return
    await insist(() => releaseOnce(history, ports, { ...place, port: told }))
    // A number that it did not hold: there is nothing more to be told.
    if (!untold.delete(told)) return
  } while (untold.size > 0)
}

async function insist<Result>(call: () => Promise<{ ok?: Result; error?: string | undefined }>) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { ok, error } = await call()
    if (error === undefined) return ok
    if (isFull(error) || error === 'RAW') return undefined
    await sleep(100)
  }
  return undefined
}
