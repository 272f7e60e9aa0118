import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MAX_IN_FLIGHT_US, PROTOCOLS } from '../workload.js'
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

/** The file of process exits in the directory of the histories. Each line is `<name> <µs>`. */
export const EXITS = 'exits.txt'

/**
 * A call with an unknown outcome: it may have allocated a number or may still do so. A call for
 * several numbers is several unknown outcomes.
 */
export interface UnknownOutcome {
  readonly call: Call
  readonly service: Service
  readonly from: number
  /** The time from which the call certainly holds no unacknowledged port. */
  readonly until: number
}

/** All calls and replies, by service. */
export class Ledger {
  files
  /** In the order of their start. */
  calls
  ranges
  reservations
  /** The layouts of the services that exist as a whole or not at all. */
  whole
  services = new Map<string, Service>()
  unknownOutcomes: UnknownOutcome[] = []
  /** Moves that succeeded in the first attempt, by time. */
  moves: { from: number; call: Call }[] = []
  #exits
  jumps
  /** By process and number of the call. */
  #byProcess = new Map<string, Call[]>()

  constructor(directory: string) {
    this.files = historyFiles(directory)
    for (const file of this.files) this.#byProcess.set(nameOfHistory(file), readHistory(file))
    this.calls = [...this.#byProcess.values()].flat().sort((one, other) => one.at - other.at)
    this.#exits = readExits(directory)
    this.jumps = Jumps.read(join(directory, JUMPS))
    this.ranges = new Ranges(this.calls, (call) => this.exitedAt(call))
    this.reservations = new Reservations(this.calls, (call) => this.exitedAt(call))
    this.whole = wholeServices(this.calls)
    for (const call of this.calls) {
      if (call.op === 'release') this.#release(call)
      else if (takes(call)) this.#take(call)
      if (call.op === 'move') this.#giveUp(call)
    }
    for (const service of this.services.values()) {
      service.settle()
      for (const call of service.unknown)
        this.unknownOutcomes.push(this.#unknownOutcome(service, call))
    }
  }

  #release(call: Call) {
    for (const proto of call.proto === undefined ? PROTOCOLS : [call.proto]) {
      this.#serviceOf({ ...(call as Named), proto }).release(call)
    }
  }

  /**
   * Adds the release of a move: the number of its reply. If an attempt had no reply, the number to
   * be moved may have been released as well, which may be any.
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

  /** Returns the call with this actor. */
  callNamed(actor: string | null) {
    const [by = '', id] = actor?.split('#') ?? []
    return this.#byProcess.get(by)?.[Number(id)]
  }

  /** Returns when the process of the call died. */
  exitedAt({ by }: Call) {
    return this.#exits.get(by) ?? FOREVER
  }

  #unknownOutcome(service: Service, call: Call): UnknownOutcome {
    const lost = call.end === FOREVER ? this.exitedAt(call) : call.end
    const cleared = service.releasedAfter(lost + MAX_IN_FLIGHT_US)
    return { call, service, from: call.at, until: Math.min(cleared, explained(service, call)) }
  }
}

/**
 * The next get returns what a get without a reply allocated. If that is never released, there is no
 * other port.
 */
function explained(service: Service, call: Call) {
  if (call.op !== 'get') return FOREVER
  const lasting = service.claims.find((claim) => claim.call.op === 'get' && claim.until === FOREVER)
  return lasting?.from ?? FOREVER
}

function readExits(directory: string): ReadonlyMap<string, number> {
  const path = join(directory, EXITS)
  if (!existsSync(path)) return new Map()
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean)
  return new Map(
    lines.map((line) => {
      const [name = '', at] = line.split(' ')
      return [name, Number(at)]
    }),
  )
}
