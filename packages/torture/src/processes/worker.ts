// Calls the registry at random, with one or several concurrent callers. A service belongs to one
// caller, to all callers of the worker, or, if common or shared, to every worker.
//
// A worker that stays waits for 'recover' when its time is up. It then makes one more call, while
// no fault is active, and reports the result. It ends at 'end'.
//
// node dist/processes/worker.js '{ "file", "name", "until", "stays", "concurrency", "pools", "url"
// }'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFull } from '../checker/histories.js'
import {
  commonService,
  HOSTS,
  INSTANCES,
  LARGE,
  LAYOUTS,
  LIMITED,
  MAX_IN_FLIGHT_US,
  now,
  numbersIn,
  numbersOf,
  OPEN,
  PROTOCOLS,
  pick,
  RESERVED,
  RESTING,
  SHARED,
} from '../workload.js'
import { History } from './History.js'
import {
  allocate,
  allocateMany,
  briefly,
  type Copy,
  claim,
  endWithParent,
  ensureMany,
  get,
  lease,
  move,
  openRegistry,
  type Place,
  release,
  releaseOnce,
  renew,
  type ScopedPlace,
} from './registry.js'

const RECOVERY_TIMEOUT_MS = 60_000

const {
  file,
  name,
  until,
  stays,
  concurrency,
  pools = 1,
  url,
} = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
let ended = false
const recoverRequested = received('recover')
const endRequested = received('end')

/** The generation of the services of the worker. */
let generation = 0
let keys = 0
/** Places with an unknown outcome, until they can be released. */
const unresolved: { place: Place; due: number }[] = []

/** Each of them has its own connection pool. */
const opened = await Promise.all(Array.from({ length: pools }, () => openRegistry(history, url)))
const acknowledgedBefore = history.acknowledged
setInterval(reportAcknowledged, 500).unref()

const USES = [
  'claims',
  'moves',
  'leases',
  'movedLeases',
  'returns',
  'many',
  'batch',
  'loose',
] as const
const MAX_LEASE_S = 3
/** The maximum distance of a late renewal or move from the end of the lease. */
const NEAR_END_MS = 30

class Caller {
  #name: string
  #generation = 0
  /**
   * The generation of the service for each use. `claims` claims; `moves` moves; `leases` has
   * leases; `movedLeases` moves what it holds with a lease; `returns` gets back the number that
   * rests for it; `many` allocates several numbers at once; `batch` stands for several services in
   * batches, `loose` for one with another layout in each batch. Get is used only for `moves`,
   * `leases` and `returns`.
   */
  #generations = {
    claims: 0,
    moves: 0,
    leases: 0,
    movedLeases: 0,
    returns: 0,
    many: 0,
    batch: 0,
    loose: 0,
  }
  /** By place: the last lease. */
  #leases = new Map<string, { port: number; holding: string }>()
  /** The places where its services of batches may hold ports. */
  #batched = new Map<string, Place>()
  /** By place: the last idempotency key, for repetition. */
  #lastKey = new Map<string, string>()

  constructor(name: string) {
    this.#name = name
  }

  async work() {
    while (!ended && now() < until) {
      const error = await this.#act()
      if (error === 'DATABASE_UNAVAILABLE') await sleep(20 + 60 * Math.random())
      await releaseUnresolved()
    }
  }

  #act(): Promise<string | undefined> {
    const { projectName } = Math.random() < 0.5 ? LARGE : pick(OPEN)
    const place = {
      project: projectName,
      instance: pick(INSTANCES),
      host: pick(HOSTS),
      proto: pick(PROTOCOLS),
    }
    const dice = Math.random()
    if (dice < 0.08 && projectName !== LIMITED.projectName) {
      return this.#get({ ...place, service: pick(SHARED) })
    }
    if (dice < 0.18) return this.#useTogether({ ...place, service: commonService() })
    if (dice < 0.32) return this.#useTogether({ ...place, service: `${name}-${generation}` })
    if (dice < 0.34) return list(projectName)

    if (dice < 0.37) return this.#useBatch(place, this.#special('batch'))
    if (dice < 0.39) return this.#useBatch(place, `${commonService()}-batch`)
    if (dice < 0.41) return this.#useLoose({ ...place, service: this.#special('loose') })
    if (dice < 0.45) return this.#useMany({ ...place, service: this.#special('many') })

    const own = { ...place, service: `${this.#name}-${this.#generation}` }
    if (dice < 0.52) return this.#get(own)
    if (dice < 0.55) return this.#useMoves({ ...place, service: this.#special('moves') })
    if (dice < 0.58) {
      return this.#useMovedLeases({ ...place, service: this.#special('movedLeases') })
    }
    if (dice < 0.6) {
      const { projectName: project } = RESTING
      return this.#useReturns({ ...place, project, service: this.#special('returns') })
    }
    if (dice < 0.66) return this.#useLeases({ ...place, service: this.#special('leases') })
    if (dice < 0.7) return this.#allocateUnderKey(own)
    if (dice < 0.74) return this.#allocate(own)
    if (dice < 0.79) {
      const claiming = { ...place, service: this.#special('claims') }
      return dice < 0.775 ? this.#claim(claiming) : this.#release(claiming, true)
    }
    if (dice < 0.81) return update(own)
    return this.#release(own, Math.random() < 0.7)
  }

  #special(use: (typeof USES)[number]) {
    return `${this.#name}-${use}-${this.#generations[use]}`
  }

  /** Other callers use this service concurrently. */
  #useTogether(place: ScopedPlace) {
    const dice = Math.random()
    if (dice < 0.55) return this.#get(place)
    if (dice < 0.75)
      return this.#allocate(place, `${place.service}-${Math.floor(Math.random() * 4)}`)
    return this.#release(place, true)
  }

  async #get(place: ScopedPlace) {
    return this.#retireIfUnknown(await get(history, ports(), place), place)
  }

  async #allocate(place: ScopedPlace, key: string | undefined = undefined) {
    const outcome = await allocate(history, ports(), place, key)
    return this.#retireIfUnknown(outcome, place)
  }

  /** Repeats the last key in one of six cases. It must return the same port while that is held. */
  #allocateUnderKey(place: ScopedPlace) {
    return this.#allocate(place, this.#keyFor(place))
  }

  #keyFor(place: ScopedPlace) {
    const at = keyOf(place)
    const again = this.#lastKey.get(at)
    const key = again !== undefined && Math.random() < 1 / 6 ? again : `${this.#name}-${keys++}`
    this.#lastKey.set(at, key)
    return key
  }

  /**
   * Allocates some of the services with this prefix. Each always has the same layout. They are
   * released only as a whole, so that no part of one is ever visible.
   */
  async #useBatch({ project, instance, host }: Copy, base: string) {
    const chosen = Object.entries(LAYOUTS).filter(() => Math.random() < 0.4)
    if (chosen.length === 0) chosen.push(pick(Object.entries(LAYOUTS)))
    const items = chosen.map(([name, layout]) => ({ service: `${base}-${name}`, ...layout }))
    const copy = { project, instance, host }
    const outcome = await ensureMany(history, ports(), { ...copy, items })
    const services = items.map(({ service }) => service)
    if (base === this.#special('batch')) {
      for (const service of services) {
        this.#batched.set(keyOf({ ...copy, service }), { ...copy, service })
      }
    }
    const error = await this.#retireIfUnknown(outcome, { ...copy, service: base }, services)
    // Most are released at once, because the ranges would fill up.
    if (error !== undefined || Math.random() < 0.1) return error
    return this.#releaseEach(copy, services)
  }

  /** Uses such services with any layout, and also releases single numbers. */
  async #useLoose(place: ScopedPlace) {
    const dice = Math.random()
    if (dice < 0.6) {
      const { service, project, instance, host } = place
      const items = [{ service, ...pick(Object.values(LAYOUTS)) }]
      const outcome = await ensureMany(history, ports(), { project, instance, host, items })
      return this.#retireIfUnknown(outcome, place)
    }
    return dice < 0.8 ? this.#releaseOne(place) : this.#release(place, false)
  }

  /** Takes several numbers under one key, in one of six cases under the last key. */
  async #useMany(place: ScopedPlace) {
    const dice = Math.random()
    if (dice < 0.3) return dice < 0.05 ? this.#releaseOne(place) : this.#release(place, true)
    const asked = {
      ...place,
      count: 1 + Math.floor(Math.random() * 4),
      contiguous: Math.random() < 0.5,
      ...(dice < 0.9 && { key: this.#keyFor(place) }),
    }
    const outcome = await allocateMany(history, ports(), asked)
    const error = await this.#retireIfUnknown(outcome, place)
    if (error !== undefined || dice < 0.4) return error
    return this.#release(place, true)
  }

  /** Releases a number that it holds, if there is any. */
  async #releaseOne(place: ScopedPlace) {
    const { project, service, host, instance } = place
    const listed = await history.record(
      { op: 'list', project },
      () => ports().listByProject(project),
      briefly,
    )
    const held = listed.ok?.find(
      (each) =>
        each.serviceName === service && each.hostname === host && each.instance === instance,
    )
    if (!held) return listed.error
    const { protocol: proto, portNumber: port } = held
    const outcome = await releaseOnce(history, ports(), { ...place, proto, port })
    return this.#retireIfUnknown(outcome, place)
  }

  async #releaseEach(copy: Copy, services: readonly string[]) {
    for (const service of services) {
      const place = { ...copy, service }
      const error = await this.#retireIfUnknown(await releaseOnce(history, ports(), place), place)
      if (error !== undefined) return error
      this.#batched.delete(keyOf(place))
    }
    return undefined
  }

  /** Claims any number of the project, also of temporary ranges and of another host. */
  async #claim(place: ScopedPlace) {
    const outcome = await claim(history, ports(), {
      ...place,
      wanted: wantedOf(place.project),
      useReservation: Math.random() < 0.3,
    })
    return this.#retireIfUnknown(outcome, place)
  }

  /** Gets a port, moves it to any number of the project, and possibly back. */
  async #useMoves(place: ScopedPlace) {
    const gotten = await get(history, ports(), place)
    const error = await this.#retireIfUnknown(gotten, place)
    if (error !== undefined || gotten.lost) return error
    const asked = { ...place, wanted: wantedOf(place.project) }
    const moved = await move(history, ports(), {
      ...asked,
      useReservation: Math.random() < 0.3,
      ...(Math.random() < 0.5 && { from: gotten.ok }),
    })
    const failure = await this.#retireIfUnknown(moved, place)
    if (moved.lost || (failure !== undefined && failure !== 'PORT_TAKEN')) return failure
    const again = await this.#get(place)
    if (again !== undefined || Math.random() < 0.4) return again
    return this.#release(place, true)
  }

  /**
   * Renews some leases in time and some as late as possible or too late, releases some, and lets
   * some end.
   */
  async #useLeases(place: ScopedPlace) {
    const at = keyOf(place)
    const known = this.#leases.get(at)
    this.#leases.delete(at)
    const dice = Math.random()
    if (known && dice < 0.5) return this.#renew(place, known, lengthOfLease())
    if (dice < 0.55) return this.#release(place, true)
    const ttl = lengthOfLease()
    if (dice < 0.65) return this.#retireIfUnknown(await get(history, ports(), place, ttl), place)
    const leased = await lease(history, ports(), { ...place, ttl })
    const error = await this.#retireIfUnknown(leased, place)
    if (error !== undefined || leased.lost || !leased.ok) return error
    const { port, allocation: holding } = leased.ok
    if (dice < 0.75) this.#leases.set(at, { port, holding })
    if (dice < 0.8) return undefined
    if (dice < 0.95) await untilAboutTheEnd(ttl)
    else await sleep(500 * ttl * Math.random())
    const failure = await this.#renew(place, { port, holding }, lengthOfLease())
    if (failure !== undefined || dice < 0.9) return failure
    await sleep(500 * Math.random())
    const outcome = await releaseOnce(history, ports(), { ...place, port, holding })
    return this.#retireIfUnknown(outcome, place)
  }

  /**
   * Moves a port with a lease, at once or when it ends. Then renews, releases or leaves it, as
   * above.
   */
  async #useMovedLeases(place: ScopedPlace) {
    const ttl = lengthOfLease()
    const leased = await lease(history, ports(), { ...place, ttl })
    const error = await this.#retireIfUnknown(leased, place)
    if (error !== undefined || leased.lost) return error
    const dice = Math.random()
    if (dice < 0.2) await untilAboutTheEnd(ttl)
    const asked = { ...place, wanted: wantedOf(place.project), useReservation: dice < 0.1 }
    const moved = await move(history, ports(), asked)
    const failure = await this.#retireIfUnknown(moved, place)
    if (failure !== undefined || moved.lost || !moved.ok) return failure
    if (dice < 0.4) return this.#release(place, true)
    if (dice < 0.6) return undefined
    if (dice < 0.8) await untilAboutTheEnd(ttl)
    const { portNumber: port, id: holding } = moved.ok.allocation
    return this.#renew(place, { port, holding }, lengthOfLease())
  }

  /** Releases a number and asks for it while it rests. */
  async #useReturns(place: ScopedPlace) {
    const error = await this.#get(place)
    if (error !== undefined) return error
    // This is long enough that few calls of others span both the allocation and the release.
    await sleep(100 + 200 * Math.random())
    const failure = await this.#release(place, true)
    if (failure !== undefined) return failure
    await sleep(500 * Math.random())
    const again = await (Math.random() < 0.5 ? this.#get(place) : this.#allocate(place))
    return again ?? this.#release(place, true)
  }

  async #renew(place: ScopedPlace, known: { port: number; holding: string }, ttl: number) {
    const outcome = await renew(history, ports(), { ...place, ...known, ttl })
    return this.#retireIfUnknown(outcome, place)
  }

  async #release(place: ScopedPlace, isNarrow: boolean) {
    const { proto, ...ofHost } = place
    const outcome = await releaseOnce(history, ports(), isNarrow ? place : ofHost)
    return this.#retireIfUnknown(outcome, place)
  }

  /** Replaces services with an unknown outcome, so that the outcome of the others stays certain. */
  async #retireIfUnknown(
    { error, lost }: { error?: string | undefined; lost: boolean },
    { project, service: named, instance, host }: Place,
    services: readonly string[] = [named],
  ) {
    const isUnknown = lost || error === 'OUTCOME_UNKNOWN'
    if (!isUnknown) return error
    for (const service of services) {
      if (SHARED.includes(service)) continue
      const place = { project, service, instance, host }
      unresolved.push({ place, due: now() + MAX_IN_FLIGHT_US + 1_000_000 })
    }
    for (const place of this.#retired(services)) await release(history, ports(), place)
    return error
  }

  /**
   * The caller no longer uses these services. Others may still use shared ones. Returns the places
   * where they may hold ports.
   */
  #retired(services: readonly string[]): Place[] {
    const [service = ''] = services
    if (service === `${name}-${generation}`) {
      generation++
      return everywhere(service)
    }
    if (service === `${this.#name}-${this.#generation}`) {
      this.#generation++
      this.#lastKey.clear()
      return everywhere(service)
    }
    const use = USES.find((each) => `${service}-`.startsWith(`${this.#special(each)}-`))
    if (use === undefined) return []
    const base = this.#special(use)
    this.#generations[use]++
    if (use !== 'batch') return everywhere(base)
    const left = [...this.#batched.values()]
    this.#batched.clear()
    return left
  }
}

/** Returns seconds. */
function lengthOfLease() {
  return 1 + Math.floor(Math.random() * MAX_LEASE_S)
}

/**
 * Sleeps until about the end of a lease that starts now.
 * @param ttl in seconds
 */
function untilAboutTheEnd(ttl: number) {
  return sleep(1_000 * ttl + NEAR_END_MS * (Math.random() - 0.5))
}

function keyOf(place: Place) {
  return Object.values(place).join('/')
}

function everywhere(service: string) {
  return OPEN.flatMap(({ projectName: project }) =>
    HOSTS.flatMap((host) => INSTANCES.map((instance) => ({ project, service, instance, host }))),
  )
}

async function releaseUnresolved() {
  while (unresolved[0] && unresolved[0].due < now()) {
    const next = unresolved.shift()
    if (next) await release(history, ports(), next.place)
  }
}

/** Returns any number of the project, often one that is reserved at times. */
function wantedOf(project: string) {
  const numbers = numbersOf(project)
  const reserved = RESERVED.flatMap(numbersIn).filter((number) => numbers.includes(number))
  return pick(reserved.length > 0 && Math.random() < 1 / 3 ? reserved : numbers)
}

/** Returns one of the pools. */
function ports() {
  return pick(opened)
}

/** Sets a new description on all ports of the place, so that each one changes. */
async function update(place: ScopedPlace) {
  const { project, service, instance, host, proto } = place
  const { error } = await history.record({ op: 'update', ...place }, (actor) =>
    ports().updatePort(
      project,
      service,
      { description: actor },
      { instance, hostname: host, protocol: proto, actor },
    ),
  )
  return error
}

async function list(project: string) {
  const { error } = await history.record(
    { op: 'list', project },
    () => ports().listByProject(project),
    briefly,
  )
  return error
}

await Promise.all(
  Array.from({ length: concurrency }, (_, index) => new Caller(`${name}.${index}`).work()),
)
reportAcknowledged()
if (stays) {
  await recoverRequested
  process.send?.({ failure: await recover() })
  await endRequested
}
process.exit(0)

function reportAcknowledged() {
  process.send?.({ acknowledged: history.acknowledged - acknowledgedBefore })
}

/** Any message ends the regular calls. */
function received(word: string) {
  return new Promise((resolve) => {
    process.on('message', (message) => {
      ended = true
      if (message === word) resolve(undefined)
    })
  })
}

/** Returns the failure, or null. */
async function recover() {
  const place = {
    project: LARGE.projectName,
    service: pick(SHARED),
    instance: pick(INSTANCES),
    host: pick(HOSTS),
    proto: pick(PROTOCOLS),
  }
  const answer = await Promise.race([get(history, ports(), place), sleep(RECOVERY_TIMEOUT_MS)])
  if (answer === undefined) return 'no answer'
  const isAnswered = answer.error === undefined || isFull(answer.error)
  return isAnswered ? null : answer.error
}
