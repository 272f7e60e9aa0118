// Takes ports under a limit of their project or of the process, several at a time, and releases
// them or lets their leases end. Several such processes keep the holders at their limits.
//
// node dist/processes/limiter.js '{ "file", "name", "projects", "keepsMs", "url", "until" }'
import { setTimeout as sleep } from 'node:timers/promises'
import { HOSTS, now, numbersIn, PROTOCOLS, type Project, pick } from '../workload.js'
import { History } from './History.js'
import {
  allocate,
  claim,
  endWithParent,
  lease,
  openRegistry,
  release,
  renew,
  type ScopedPlace,
} from './registry.js'

const CONCURRENCY = 6
const TTL_S = 1
/** The maximum distance of a renewal from the end of the lease, in both directions. */
const NEAR_END_MS = 15

const { file, name, projects, keepsMs, url, until } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
const ports = await openRegistry(history, url)
await Promise.all(Array.from({ length: CONCURRENCY }, (_, caller) => work(`${name}.${caller}`)))
process.exit(0)

async function work(caller: string) {
  for (let generation = 0; now() < until; generation++) {
    const { projectName: project, ranges } = pick(projects as Project[])
    const service = `${caller}-${generation}`
    const place = { project, service, instance: '', host: pick(HOSTS) }
    const wanted = pick(ranges.flatMap(numbersIn))
    const isLost = await useOnce({ ...place, proto: pick(PROTOCOLS) }, wanted)
    await sleep(keepsMs * Math.random())
    if (isLost) await release(history, ports, place)
  }
}

/** Returns whether the service may still hold a port. */
async function useOnce(place: ScopedPlace, wanted: number) {
  const dice = Math.random()
  if (dice < 0.2) return useLease(place)
  const { error } =
    dice < 0.6
      ? await allocate(history, ports, place)
      : await claim(history, ports, { ...place, wanted, useReservation: false })
  return error === undefined || error === 'OUTCOME_UNKNOWN'
}

async function useLease(place: ScopedPlace) {
  const asked = now()
  const { ok, error } = await lease(history, ports, { ...place, ttl: TTL_S })
  if (!ok) return error === 'OUTCOME_UNKNOWN'
  const sinceAsked = (now() - asked) / 1_000
  // The renewal takes about as long as the first call.
  await sleep(1_000 * TTL_S - sinceAsked + NEAR_END_MS * (2 * Math.random() - 1))
  const { port, allocation: holding } = ok
  const renewed = await renew(history, ports, { ...place, ttl: TTL_S, port, holding })
  return renewed.error !== 'LEASE_LOST'
}
