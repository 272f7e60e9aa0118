// One caller among many. It asks the registry at random, in one or several lanes at once. The
// services of a lane are asked for by that lane alone; those of the worker by all its lanes, and the
// common and shared ones by every worker.
//
// When its time is up, one that stays waits to be told 'recover': then it makes one call more, when
// nothing is wrong any more, and says how that went. At 'end' it ends.
//
// node torture/processes/worker.mjs '{ "file", "name", "until", "stays", "lanes", "registries", "url" }'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  commonService,
  HOSTS,
  INSTANCES,
  LANDED_AFTER_US,
  LARGE,
  now,
  PROJECTS,
  PROTOCOLS,
  pick,
  SHARED,
} from '../workload.mjs'
import { History } from './History.mjs'
import { briefly, endWithParent, get, openRegistry, release, releaseOnce } from './registry.mjs'

/** @typedef {import('./registry.mjs').Place & { proto: 'tcp' | 'udp' }} Place */

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
const doubts = /** @type {{ place: import('./registry.mjs').Place, due: number }[]} */ ([])

/** Each has its own connection pool. */
const opened = await Promise.all(
  Array.from({ length: registries }, () => openRegistry(history, url)),
)
const acknowledgedBefore = history.acknowledged
setInterval(tellAcknowledged, 500).unref()

class Lane {
  #name
  #generation = 0
  /** The generation of the service that claims, and that nobody gets: claims change what get tells. */
  #claims = 0
  /** By place: the last idempotency key used, to ask under it again. */
  #lastKey = new Map()

  /** @param {string} name */
  constructor(name) {
    this.#name = name
  }

  async work() {
    while (!ended && now() < until) {
      const error = await this.#act()
      if (error === 'DATABASE_UNAVAILABLE') await sleep(20 + 60 * Math.random())
      await releaseDoubts()
    }
  }

  /** @returns {Promise<string | undefined>} */
  #act() {
    const { projectName } = Math.random() < 0.6 ? LARGE : pick(PROJECTS)
    const place = {
      project: projectName,
      instance: pick(INSTANCES),
      host: pick(HOSTS),
      proto: pick(PROTOCOLS),
    }
    const dice = Math.random()
    if (dice < 0.08) return this.#get({ ...place, service: pick(SHARED) })
    if (dice < 0.18) return this.#useTogether({ ...place, service: commonService() })
    if (dice < 0.32) return this.#useTogether({ ...place, service: `${name}-${generation}` })
    if (dice < 0.34) return list(projectName)

    const own = { ...place, service: `${this.#name}-${this.#generation}` }
    if (dice < 0.54) return this.#get(own)
    if (dice < 0.68) return this.#allocateUnderKey(own)
    if (dice < 0.73) return this.#allocate(own)
    if (dice < 0.78) {
      const claiming = { ...place, service: `${this.#name}-claims-${this.#claims}` }
      return dice < 0.765 ? this.#claim(claiming) : this.#release(claiming, true)
    }
    if (dice < 0.8) return update(own)
    return this.#release(own, Math.random() < 0.7)
  }

  /** As others do at the same time. */
  #useTogether(/** @type {Place} */ place) {
    const dice = Math.random()
    if (dice < 0.55) return this.#get(place)
    if (dice < 0.75)
      return this.#allocate(place, `${place.service}-${Math.floor(Math.random() * 4)}`)
    return this.#release(place, true)
  }

  async #get(/** @type {Place} */ place) {
    return this.#retireIfUnknown(await get(history, ports(), place), place)
  }

  async #allocate(/** @type {Place} */ place, /** @type {string | undefined} */ key = undefined) {
    const { project, service, instance, host, proto } = place
    const outcome = await history.record({ op: 'allocate', ...place, key }, (actor) =>
      ports().allocate(project, service, {
        actor,
        instance,
        hostname: host,
        protocol: proto,
        ...(key !== undefined && { idempotencyKey: key }),
      }),
    )
    return this.#retireIfUnknown(outcome, place)
  }

  /** One time in six under the key used last, which must give the same port while that is held. */
  #allocateUnderKey(/** @type {Place} */ place) {
    const at = Object.values(place).join('/')
    const again = this.#lastKey.get(at)
    const key = again !== undefined && Math.random() < 1 / 6 ? again : `${this.#name}-${keys++}`
    this.#lastKey.set(at, key)
    return this.#allocate(place, key)
  }

  /** Any number of the project. */
  async #claim(/** @type {Place} */ place) {
    const { project, service, instance, host, proto } = place
    const range = PROJECTS.find(({ projectName }) => projectName === project) ?? LARGE
    const size = range.endPort - range.startPort + 1
    const wanted = range.startPort + Math.floor(Math.random() * size)
    const outcome = await history.record(
      { op: 'claim', ...place, wanted },
      (actor) =>
        ports().claim(project, service, wanted, {
          actor,
          instance,
          hostname: host,
          protocol: proto,
        }),
      ({ allocation }) => allocation.portNumber,
    )
    return this.#retireIfUnknown(outcome, place)
  }

  async #release(/** @type {Place} */ place, /** @type {boolean} */ isNarrow) {
    const { proto, ...ofHost } = place
    const outcome = await releaseOnce(history, ports(), isNarrow ? place : ofHost)
    return this.#retireIfUnknown(outcome, place)
  }

  /** A service of which something is in doubt is given up, so that the rest stays exact. */
  async #retireIfUnknown(
    /** @type {{ error?: string | undefined, lost: boolean }} */ { error, lost },
    /** @type {Place} */ { project, service, instance, host },
  ) {
    const isUnknown = lost || error === 'OUTCOME_UNKNOWN'
    if (!isUnknown || SHARED.includes(service)) return error
    const place = { project, service, instance, host }
    doubts.push({ place, due: now() + LANDED_AFTER_US + 1_000_000 })
    if (service === `${name}-${generation}`) generation++
    else if (service === `${this.#name}-${this.#generation}`) {
      this.#generation++
      this.#lastKey.clear()
    } else if (service === `${this.#name}-claims-${this.#claims}`) this.#claims++
    else return error
    for (const { projectName } of PROJECTS) {
      for (const each of HOSTS) {
        for (const copy of INSTANCES) {
          const left = { project: projectName, service, instance: copy, host: each }
          await release(history, ports(), left)
        }
      }
    }
    return error
  }
}

async function releaseDoubts() {
  while (doubts[0] && doubts[0].due < now()) {
    const doubt = doubts.shift()
    if (doubt) await release(history, ports(), doubt.place)
  }
}

/** Returns a random one. */
function ports() {
  return pick(opened)
}

/**
 * Sets a new description on all ports of the place, so that each of them changes.
 * @param {Place} place
 */
async function update(place) {
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

/** @param {string} project */
async function list(project) {
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

/**
 * Whatever it is told, it begins no further call of its usual ones.
 * @param {string} word
 */
function told(word) {
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
    project: pick(PROJECTS).projectName,
    service: pick(SHARED),
    instance: pick(INSTANCES),
    host: pick(HOSTS),
    proto: pick(PROTOCOLS),
  }
  const answer = await Promise.race([get(history, ports(), place), sleep(RECOVERS_WITHIN_MS)])
  if (answer === undefined) return 'no answer'
  const isAnswered = answer.error === undefined || answer.error === 'RANGE_EXHAUSTED'
  return isAnswered ? null : answer.error
}
