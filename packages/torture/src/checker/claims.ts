// The ports that callers certainly hold, and those that they may hold.

import { type Call, FOREVER, isUnknown, NOTHING_CHANGED } from './histories.js'
import { byStart, type Interval } from './intervals.js'
import type { Jumps } from './Jumps.js'
import { Leases } from './Leases.js'

/**
 * An acknowledged port. It is certainly held from the reply until the start of the first release
 * that may have affected it. It is possibly held from the start of the call until the reply of the
 * first release that must have affected it. A port that may have been released before the reply is
 * never certain. A lease may end earlier.
 */
export interface Claim {
  readonly call: Call
  readonly service: Service
  readonly port: number
  readonly from: number
  until: number
  readonly possiblyFrom: number
  possiblyUntil: number
}

/** A service in one scope, with all its calls. */
export class Service {
  readonly name: string
  readonly project: string
  readonly service: string
  readonly instance: string
  readonly host: string
  readonly proto: string
  /** In the order of the replies. */
  claims: Claim[] = []
  claimsByPort = new Map<number, Claim[]>()
  /** Calls with an unknown outcome, once for each requested port. */
  unknown: Call[] = []
  /** Calls that the library repeats, once for each requested port. */
  #repeatable: Call[] = []
  #releases = new Releases()
  #ofPort = new Map<number, Releases>()
  readonly leases: Leases

  constructor({ project, service, instance = '', host, proto }: Named, jumps: Jumps) {
    this.leases = new Leases(jumps)
    this.service = service
    this.instance = instance
    this.name = nameOf({ project, service, instance, host, proto })
    this.project = project
    this.host = host
    this.proto = proto
  }

  /** Adds a release. Releases must be added in the order of their start. */
  release(call: Call) {
    this.#releasesOf(call.port).add(call)
  }

  /**
   * Adds a call that takes `count` ports.
   * @param told the ports of its reply
   */
  take(call: Call, count: number, told: readonly number[]) {
    this.leases.add(call)
    for (let nth = 0; nth < count; nth++) {
      if (isRepeatable(call)) this.#repeatable.push(call)
      if (isUnknown(call)) this.unknown.push(call)
    }
    for (const port of told) {
      this.claims.push({
        call,
        service: this,
        port,
        from: call.end,
        until: FOREVER,
        possiblyFrom: call.at,
        possiblyUntil: FOREVER,
      })
    }
  }

  /** Computes the claims when all calls are known. */
  settle() {
    for (const claim of this.claims) {
      if (this.leases.any) {
        claim.until = this.leases.certainUntil(claim)
        claim.possiblyUntil = this.leases.possiblyUntil(claim)
      }
      for (const releases of [this.#releases, this.#ofPort.get(claim.port)]) {
        if (!releases) continue
        claim.until = Math.min(claim.until, releases.firstThatMayMeet(claim.call))
        const met = this.leases.any
          ? releases.firstThatMustMeet(claim.call, (call) => !this.leases.mayOutlast(claim, call))
          : releases.firstThatMustMeet(claim.call)
        claim.possiblyUntil = Math.min(claim.possiblyUntil, met)
      }
    }
    this.claims.sort(byStart)
    for (const claim of this.claims) {
      const ofPort = this.claimsByPort.get(claim.port)
      if (ofPort) ofPort.push(claim)
      else this.claimsByPort.set(claim.port, [claim])
    }
  }

  /**
   * Counts the ports of concurrent calls that may take effect twice: the first reply was lost, and
   * the port was released before the repetition.
   */
  repeatableDuring({ from, until }: Interval) {
    return this.#repeatable.filter(({ at, end }) => at < until && end !== FOREVER && end > from)
      .length
  }

  /** Returns when the first full release that started after that time was acknowledged. */
  releasedAfter(time: number) {
    return this.#releases.acknowledgedAfter(time)
  }

  /** @param port undefined for a full release */
  #releasesOf(port: number | undefined) {
    if (port === undefined) return this.#releases
    const known = this.#ofPort.get(port)
    if (known) return known
    const releases = new Releases()
    this.#ofPort.set(port, releases)
    return releases
  }
}

const REPEATABLE = new Set(['get', 'lease', 'claim', 'move', 'ensureMany'])

function isRepeatable({ op, key }: Call) {
  return REPEATABLE.has(op) || key !== undefined
}

/** The releases of one service, in the order of their start. */
class Releases {
  #asked: { call: Call; from: number; end: number }[] = []
  /** The latest end of the releases up to this index. */
  #latestEnd: number[] = []
  #earliestEnd: number[] | undefined

  add(call: Call) {
    if (NOTHING_CHANGED.has(call.error ?? '') && !call.lost) return
    this.#asked.push({ call, from: call.at, end: call.ok === undefined ? FOREVER : call.end })
    // A call without a reply may take effect at any time.
    const landed = isUnknown(call) ? FOREVER : call.end
    this.#latestEnd.push(Math.max(this.#latestEnd.at(-1) ?? 0, landed))
    this.#earliestEnd = undefined
  }

  /** Returns the start of the release. */
  firstThatMayMeet({ at }: Call) {
    const later = this.#firstFrom(at)
    if ((this.#latestEnd[later - 1] ?? 0) > at) return Number.NEGATIVE_INFINITY
    return this.#asked[later]?.from ?? FOREVER
  }

  /**
   * Returns when the release was acknowledged.
   * @param meets selects releases, by default all
   */
  firstThatMustMeet({ end }: Call, meets?: (release: Call) => boolean) {
    if (!meets) return this.acknowledgedAfter(end)
    const later = this.#asked.slice(this.#firstFrom(end)).filter(({ call }) => meets(call))
    return later.reduce((first, release) => Math.min(first, release.end), FOREVER)
  }

  acknowledgedAfter(time: number) {
    this.#earliestEnd ??= this.#suffixMinima()
    return this.#earliestEnd[this.#firstFrom(time)] ?? FOREVER
  }

  #suffixMinima() {
    const minima = new Array(this.#asked.length) as number[]
    let least = FOREVER
    for (let index = this.#asked.length - 1; index >= 0; index--) {
      least = Math.min(least, this.#asked[index]?.end ?? FOREVER)
      minima[index] = least
    }
    return minima
  }

  #firstFrom(time: number) {
    let low = 0
    let high = this.#asked.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#asked[middle]?.from ?? FOREVER) < time) low = middle + 1
      else high = middle
    }
    return low
  }
}

export function placeOf({ host, proto, port }: { host: string; proto: string; port: number }) {
  return `${host}/${proto}/${port}`
}

/** The primary instance has no name. */
export interface Named {
  readonly project: string
  readonly service: string
  readonly instance?: string
  readonly host: string
  readonly proto: string
}

export function nameOf({ project, service, instance = '', host, proto }: Named) {
  return `${project}/${service}@${instance}/${host}/${proto}`
}

export function scopeOf({
  project,
  host,
  proto,
}: {
  project?: string
  host?: string
  proto?: string
}) {
  return `${project}/${host}/${proto}`
}
