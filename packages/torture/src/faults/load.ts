import { now } from '../workload.js'
import { between, type Fault, type FaultContext } from './Fault.js'

/** Together with the workers, they need more connections than the server admits. */
const EXTRA_WORKERS = 3
const POOLS = 10
const CONCURRENCY = 80
/** Fewer hosts would not show whether the rows of their scopes accumulate. */
const MIN_HOSTS = 5

export const load: Fault[] = [
  {
    name: 'audits',
    what: 'a process that records checks of all held ports, four at a time, in any order',
    weight: 2,
    inject: (context) => runFor('auditor', between(3_000, 6_000), 1, context),
  },
  {
    name: 'hundreds-of-clients',
    what: `${EXTRA_WORKERS * POOLS} pools of ten connections with ${EXTRA_WORKERS * CONCURRENCY} calls in flight, beside the workers`,
    weight: 1,
    inject: addWorkers,
  },
  {
    name: 'host-name-churn',
    what: 'a process that gets and releases ports under new host names all the time',
    weight: 2,
    inject: (context) => runFor('churner', between(4_000, 8_000), MIN_HOSTS, context),
  },
  {
    name: 'dumps',
    what: 'a process that dumps the registry again and again',
    weight: 3,
    inject: (context) => runFor('dumper', between(3_000, 6_000), 1, context),
  },
  {
    name: 'ranges-changed',
    what: 'a process that adds ranges to all projects and removes them, while others take their numbers',
    weight: 3,
    inject: (context) => runFor('rangeChanger', between(3_000, 6_000), 1, context),
  },
]

let started = 0
/** Other faults may prevent any success until then. */
const MAX_DURATION_MS = 20_000

/**
 * Runs the program for `lastsMs`, or longer until `least` operations succeeded. Returns whether
 * they did.
 */
function runFor(
  program: string,
  lastsMs: number,
  least: number,
  { workers, url }: FaultContext,
): Promise<boolean> {
  const until = Math.min(workers.until, now() + lastsMs * 1_000)
  const last = Math.min(workers.until, now() + MAX_DURATION_MS * 1_000)
  const name = `${program}${started++}`
  const child = workers.startOther(program, name, { name, url, until, last, least })
  let done = 0
  child.on('message', (message: { done: number }) => {
    done = message.done
  })
  return new Promise((resolve) => child.once('exit', () => resolve(done >= least)))
}

async function addWorkers({ workers, url }: FaultContext) {
  const until = Math.min(workers.until, now() + 5_000_000)
  const place = { concurrency: CONCURRENCY, pools: POOLS, url, environment: {}, until }
  const ends = Array.from({ length: EXTRA_WORKERS }, () => {
    const worker = workers.start(place)
    return new Promise((resolve) => worker.once('exit', (code) => resolve(code === 0)))
  })
  // Another fault may have killed some.
  return (await Promise.all(ends)).some(Boolean)
}
