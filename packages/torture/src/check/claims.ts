// What a caller that was told a port may rely on, and what may be true beyond that.

import { type Call, FOREVER, isUnknown, NOTHING_CHANGED } from './histories.js'
import { byStart, type Interval } from './intervals.js'
import type { Jumps } from './Jumps.js'
import { Leases } from './Leases.js'

/**
 * An acknowledged port. It is certainly held from the answer to the asking for the first release
 * that may have met it; possibly, from when it was asked for to the answer of the first release
 * that must have met it. What may have been released before it was told is certain at no moment.
 * A lease may end earlier.
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

/** A service in one scope, with all that was ever asked for it. */
export class Service {
  readonly name: string
  readonly project: string
  readonly service: string
  readonly instance: string
  readonly host: string
  readonly proto: string
  /** By when they were told. */
  claims: Claim[] = []
  claimsByPort = new Map<number, Claim[]>()
  /**
   * Calls that may have given it ports without their caller's knowing: each as often as it asked for
   * ports.
   */
  unknown: Call[] = []
  /** Those that the library repeats, likewise. */
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

  /** A release, in the order in which they were asked. */
  release(call: Call) {
    this.#releasesOf(call.port).add(call)
  }

  /**
   * A call that takes so many ports for the service.
   * @param told those that it was told
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

  /** Once all its calls are known. */
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
   * For how many ports calls were under way then that may have taken effect already and again later:
   * where the answer was lost, and what was allocated released by somebody before the call was
   * repeated.
   */
  repeatableDuring({ from, until }: Interval) {
    return this.#repeatable.filter(({ at, end }) => at < until && end !== FOREVER && end > from)
      .length
  }

  /** When the first release of everything, asked for after that time, was acknowledged. */
  releasedAfter(time: number) {
    return this.#releases.acknowledgedAfter(time)
  }

  /** @param port undefined for all */
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

/** Those of one service, in the order in which they were asked. */
class Releases {
  #asked: { call: Call; from: number; end: number }[] = []
  /** Of those up to here, when the last may have taken effect. */
  #latestEnd: number[] = []
  #earliestEnd: number[] | undefined

  add(call: Call) {
    if (NOTHING_CHANGED.has(call.error ?? '') && !call.lost) return
    this.#asked.push({ call, from: call.at, end: call.ok === undefined ? FOREVER : call.end })
    // A call without an answer may take effect at any time.
    const landed = isUnknown(call) ? FOREVER : call.end
    this.#latestEnd.push(Math.max(this.#latestEnd.at(-1) ?? 0, landed))
    this.#earliestEnd = undefined
  }

  /** When it was asked for. */
  firstThatMayMeet({ at }: Call) {
    const later = this.#firstFrom(at)
    if ((this.#latestEnd[later - 1] ?? 0) > at) return Number.NEGATIVE_INFINITY
    return this.#asked[later]?.from ?? FOREVER
  }

  /**
   * When it was acknowledged.
   * @param meets by default each does
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

/** Belongs to the primary instance if it names none. */
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
