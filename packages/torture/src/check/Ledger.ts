import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { LANDED_AFTER_US, PROTOCOLS } from '../workload.js'
import { wholeServices } from './batches.js'
import { type Named, nameOf, Service } from './claims.js'
import {
  type Call,
  FOREVER,
  historyFiles,
  isUnknown,
  itemsOf,
  nameOfHistory,
  readHistory,
  takes,
  toldBy,
} from './histories.js'
import { JUMPS, Jumps } from './Jumps.js'
import { Ranges } from './Ranges.js'
import { Reservations } from './Reservations.js'

/** The file of who died when, beside the histories: a line `<name> <µs>` for each. */
export const DEATHS = 'deaths.txt'

/**
 * A call without an answer that may have allocated a number, or still may. One that asked for
 * several is as many doubts.
 */
export interface Doubt {
  readonly call: Call
  readonly service: Service
  readonly from: number
  /** When it was certain that it holds nothing that nobody was told of. */
  readonly until: number
}

/** All that was asked and told, by service. */
export class Ledger {
  files
  /** In the order in which they were asked. */
  calls
  ranges
  reservations
  /** What is asked for the services that are there wholly or not at all. */
  whole
  services = new Map<string, Service>()
  doubts: Doubt[] = []
  /** Those that were told that they moved, in the first attempt, by time. */
  moves: { from: number; call: Call }[] = []
  #deaths
  jumps
  /** By process, in each by the number of the call. */
  #byProcess = new Map<string, Call[]>()

  constructor(directory: string) {
    this.files = historyFiles(directory)
    for (const file of this.files) this.#byProcess.set(nameOfHistory(file), readHistory(file))
    this.calls = [...this.#byProcess.values()].flat().sort((one, other) => one.at - other.at)
    this.#deaths = readDeaths(directory)
    this.jumps = Jumps.read(join(directory, JUMPS))
    this.ranges = new Ranges(this.calls, (call) => this.diedAt(call))
    this.reservations = new Reservations(this.calls, (call) => this.diedAt(call))
    this.whole = wholeServices(this.calls)
    for (const call of this.calls) {
      if (call.op === 'release') this.#release(call)
      else if (takes(call)) this.#take(call)
      if (call.op === 'move') this.#giveUp(call)
    }
    for (const service of this.services.values()) {
      service.settle()
      for (const call of service.unknown) this.doubts.push(this.#doubt(service, call))
    }
  }

  #release(call: Call) {
    for (const proto of call.proto === undefined ? PROTOCOLS : [call.proto]) {
      this.#serviceOf({ ...(call as Named), proto }).release(call)
    }
  }

  /**
   * What a move gives up: the number that it was told; or, if an attempt had no answer, perhaps the
   * one that was to be given up, which may be any.
   */
  #giveUp(call: Call) {
    const service = this.#serviceOf(call as Named)
    const { from, ok } = call
    if (isUnknown(call)) {
      const { port: _, ok: __, ...unanswered } = call
      service.release({ ...unanswered, ...(from !== undefined && { port: from }) })
    }
    if (ok?.moved !== true) return
    service.release({ ...call, lost: false, port: ok.from })
    if (!call.lost) this.moves.push({ from: call.at, call })
  }

  #take(call: Call) {
    const told = toldBy(call)
    for (const { service, count, protocols } of itemsOf(call)) {
      for (const proto of protocols) {
        const own = told.filter((each) => each.service === service && each.proto === proto)
        const numbers = own.map(({ port }) => port)
        this.#serviceOf({ ...(call as Named), service, proto }).take(call, count, numbers)
      }
    }
  }

  #serviceOf(asked: Named) {
    const name = nameOf(asked)
    const known = this.services.get(name)
    if (known) return known
    const service = new Service(asked, this.jumps)
    this.services.set(name, service)
    return service
  }

  /** Returns the call that gave this name as its actor. */
  callNamed(actor: string | null) {
    const [by = '', id] = actor?.split('#') ?? []
    return this.#byProcess.get(by)?.[Number(id)]
  }

  /** The process whose call it was. */
  diedAt({ by }: Call) {
    return this.#deaths.get(by) ?? FOREVER
  }

  #doubt(service: Service, call: Call): Doubt {
    const lost = call.end === FOREVER ? this.diedAt(call) : call.end
    const cleared = service.releasedAfter(lost + LANDED_AFTER_US)
    return { call, service, from: call.at, until: Math.min(cleared, explained(service, call)) }
  }
}

/**
 * What a get without an answer allocated, if it did, is what the next get is told; where that is
 * never released, there can be nothing else.
 */
function explained(service: Service, call: Call) {
  if (call.op !== 'get') return FOREVER
  const lasting = service.claims.find((claim) => claim.call.op === 'get' && claim.until === FOREVER)
  return lasting?.from ?? FOREVER
}

function readDeaths(directory: string): ReadonlyMap<string, number> {
  const path = join(directory, DEATHS)
  if (!existsSync(path)) return new Map()
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
  return new Map(
    lines.map((line) => {
      const [name = '', at] = line.split(' ')
      return [name, Number(at)]
    }),
  )
}
