// One caller among many. It asks the registry at random, in one or several lanes at once. The
// services of a lane are asked for by that lane alone; those of the worker by all its lanes, and the
// common and shared ones by every worker.
//
// When its time is up, one that stays waits to be told 'recover': then it makes one call more, when
// nothing is wrong any more, and says how that went. At 'end' it ends.
//
// node dist/processes/worker.js '{ "file", "name", "until", "stays", "lanes", "registries", "url" }'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFull } from '../check/histories.js'
import {
  commonService,
  HOSTS,
  INSTANCES,
  LANDED_AFTER_US,
  LARGE,
  LAYOUTS,
  LIMITED,
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

const RECOVERS_WITHIN_MS = 60_000

const { file, name, until, stays, lanes, registries = 1, url } = JSON.parse(process.argv[2] ?? '{}')
endWithParent()
const history = new History(file)
let ended = false
const isToRecover = told('recover')
const isToEnd = told('end')

/** Which generation of its services the worker is at. */
let generation = 0
let keys = 0
/** Where something is in doubt, until it can be released for good. */
const doubts: { place: Place; due: number }[] = []

/** Each has its own connection pool. */
const opened = await Promise.all(
  Array.from({ length: registries }, () => openRegistry(history, url)),
)
const acknowledgedBefore = history.acknowledged
setInterval(tellAcknowledged, 500).unref()

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
const LONGEST_LEASE_S = 3
/** How near to its end a lease is renewed or moved that is left until then. */
const NEAR_END_MS = 30

class Lane {
  #name: string
  #generation = 0
  /**
   * Services that other calls give numbers, each with its generation: one claims, one moves, one has
   * leases, one moves what it has with a lease, one asks again for the number that rests for it, one asks
   * for several numbers at once, several are in batches, one has another layout in each batch. Only the
   * one that moves, the one with leases and the one that asks again are asked for by get as well.
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
  /** By place: the lease that was told last. */
  #leases = new Map<string, { port: number; holding: string }>()
  /** Where its services of batches may hold ports. */
  #batched = new Map<string, Place>()
  /** By place: the last idempotency key used, to ask under it again. */
  #lastKey = new Map<string, string>()

  constructor(name: string) {
    this.#name = name
  }

  async work() {
    while (!ended && now() < until) {
      const error = await this.#act()
      if (error === 'DATABASE_UNAVAILABLE') await sleep(20 + 60 * Math.random())
      await releaseDoubts()
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

  /** As others do at the same time. */
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

  /** One time in six under the key used last, which must give the same port while that is held. */
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
   * Some of the services whose names begin so, each always in its own layout. They are released
   * only whole, so that none may ever be seen with a part of its numbers.
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
    // Most at once, as the ranges would be full of them.
    if (error !== undefined || Math.random() < 0.1) return error
    return this.#releaseEach(copy, services)
  }

  /** Such services under any layout, of which single numbers are released as well. */
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

  /** Several numbers under one key, and one time in six under the key used last. */
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

  /** The last number that it was told, if there is any. */
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

  /** Any number of the project, also one that it has at times or on another host. */
  async #claim(place: ScopedPlace) {
    const outcome = await claim(history, ports(), {
      ...place,
      wanted: wantedOf(place.project),
      useReservation: Math.random() < 0.3,
    })
    return this.#retireIfUnknown(outcome, place)
  }

  /** Gets a number, and moves it to any number of the project, then perhaps back. */
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
   * Some leases are renewed in time, some as late as possible or too late, some are released, and some
   * are left to end.
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
   * Moves what has a lease, at once or when it ends. Some of these leases are renewed in time, some as late
   * as possible or too late, some are released, and some are left to end.
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

  /** Releases a number and asks for it again while it rests. */
  async #useReturns(place: ScopedPlace) {
    const error = await this.#get(place)
    if (error !== undefined) return error
    // So long that hardly any call of others lasts from before it was given until after it is released.
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

  /** Services of which something is in doubt are given up, so that the rest stays exact. */
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
      doubts.push({ place, due: now() + LANDED_AFTER_US + 1_000_000 })
    }
    for (const place of this.#retired(services)) await release(history, ports(), place)
    return error
  }

  /**
   * The lane asks for these services no longer. Others may still ask for those that it shares.
   * Returns where they may hold ports.
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

/** In seconds. */
function lengthOfLease() {
  return 1 + Math.floor(Math.random() * LONGEST_LEASE_S)
}

/**
 * The end of a lease that begins now.
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

async function releaseDoubts() {
  while (doubts[0] && doubts[0].due < now()) {
    const doubt = doubts.shift()
    if (doubt) await release(history, ports(), doubt.place)
  }
}

/** Any number of the project, and often one of the few that are reserved at times. */
function wantedOf(project: string) {
  const numbers = numbersOf(project)
  const reserved = RESERVED.flatMap(numbersIn).filter((number) => numbers.includes(number))
  return pick(reserved.length > 0 && Math.random() < 1 / 3 ? reserved : numbers)
}

/** Returns a random one. */
function ports() {
  return pick(opened)
}

/** Sets a new description on all ports of the place, so that each of them changes. */
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

await Promise.all(Array.from({ length: lanes }, (_, lane) => new Lane(`${name}.${lane}`).work()))
tellAcknowledged()
if (stays) {
  await isToRecover
  process.send?.({ failure: await recover() })
  await isToEnd
}
process.exit(0)

function tellAcknowledged() {
  process.send?.({ acknowledged: history.acknowledged - acknowledgedBefore })
}

/** Whatever it is told, it begins no further call of its usual ones. */
function told(word: string) {
  return new Promise((resolve) => {
    process.on('message', (message) => {
      ended = true
      if (message === word) resolve(undefined)
    })
  })
}

/** What goes wrong, or null. */
async function recover() {
  const place = {
    project: LARGE.projectName,
    service: pick(SHARED),
    instance: pick(INSTANCES),
    host: pick(HOSTS),
    proto: pick(PROTOCOLS),
  }
  const answer = await Promise.race([get(history, ports(), place), sleep(RECOVERS_WITHIN_MS)])
  if (answer === undefined) return 'no answer'
  const isAnswered = answer.error === undefined || isFull(answer.error)
  return isAnswered ? null : answer.error
}
