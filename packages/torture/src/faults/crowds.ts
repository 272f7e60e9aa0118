import { now } from '../workload.js'
import { between, type Fault, type Scene } from './Fault.js'

/** Together with the workers they ask for more connections than the server admits. */
const CROWDS = 3
const REGISTRIES = 10
const LANES = 80
/** Fewer would not show whether the rows of their scopes pile up. */
const ENOUGH_HOSTS = 5

export const crowds: Fault[] = [
  {
    name: 'audits',
    what: 'a process that records checks of all that is held, four at a time, in any order',
    weight: 2,
    inject: (scene) => runFor('auditor', between(3_000, 6_000), 1, scene),
  },
  {
    name: 'hundreds-of-clients',
    what: `${CROWDS * REGISTRIES} pools of ten connections with ${CROWDS * LANES} calls in flight, beside the workers`,
    weight: 1,
    inject: crowd,
  },
  {
    name: 'host-names-without-number',
    what: 'a process that gets and releases ports under ever new host names',
    weight: 2,
    inject: (scene) => runFor('traveller', between(4_000, 8_000), ENOUGH_HOSTS, scene),
  },
  {
    name: 'dumps',
    what: 'a process that dumps the registry again and again',
    weight: 3,
    inject: (scene) => runFor('dumper', between(3_000, 6_000), 1, scene),
  },
  {
    name: 'ranges-changed',
    what: 'a process that adds ranges to all projects and removes them, while others take their numbers',
    weight: 3,
    inject: (scene) => runFor('rangeChanger', between(3_000, 6_000), 1, scene),
  },
]

let started = 0
/** Other faults may let nothing succeed until then. */
const LONGEST_MS = 20_000

/** Runs the program for `lastsMs`, or longer until it has done `least`. Returns whether it has. */
function runFor(
  program: string,
  lastsMs: number,
  least: number,
  { workers, url }: Scene,
): Promise<boolean> {
  const until = Math.min(workers.until, now() + lastsMs * 1_000)
  const last = Math.min(workers.until, now() + LONGEST_MS * 1_000)
  const name = `${program}${started++}`
  const child = workers.startOther(program, name, { name, url, until, last, least })
  let done = 0
  child.on('message', (told: { done: number }) => {
    done = told.done
  })
  return new Promise((resolve) => child.once('exit', () => resolve(done >= least)))
}

async function crowd({ workers, url }: Scene) {
  const until = Math.min(workers.until, now() + 5_000_000)
  const place = { lanes: LANES, registries: REGISTRIES, url, environment: {}, until }
  const ends = Array.from({ length: CROWDS }, () => {
    const worker = workers.start(place)
    return new Promise((resolve) => worker.once('exit', (code) => resolve(code === 0)))
  })
  // Another fault may have killed some.
  return (await Promise.all(ends)).some(Boolean)
}
