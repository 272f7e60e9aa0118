// Computes which ports were certainly held. Checks that no port was held by two services, and that
// no service or idempotency key got a second port.

import type { Report } from './check.js'
import { type Claim, placeOf, type Service } from './claims.js'
import { groupBy } from './groups.js'
import { FOREVER } from './histories.js'
import { byStart, firstAfter, merged } from './intervals.js'
import type { Ledger, UnknownOutcome } from './Ledger.js'

/** A time in which a service certainly held a port. */
export type Holding = { service: Service; port: number; from: number; until: number }

/** By place, in the order of time. */
export function certainHoldings(ledger: Ledger): Map<string, Holding[]> {
  const holdings = new Map<string, Holding[]>()
  for (const service of ledger.services.values()) {
    for (const holding of holdingsOf(service)) {
      const place = placeOf({ ...service, port: holding.port })
      const there = holdings.get(place)
      if (there) there.push(holding)
      else holdings.set(place, [holding])
    }
  }
  for (const there of holdings.values()) there.sort(byStart)
  return holdings
}

function holdingsOf(service: Service) {
  const holdings: Holding[] = []
  for (const [port, claims] of service.claimsByPort) {
    const certain = claims.filter((claim) => claim.from < claim.until)
    for (const span of merged(certain)) holdings.push({ service, port, ...span })
  }
  return holdings
}

export function checkHeldByTwo(holdings: Map<string, Holding[]>, report: Report) {
  for (const there of holdings.values()) {
    let last = there[0]
    for (const holding of there.slice(1)) {
      if (last && holding.from < last.until)
        report('held by two at once', [last, holding].map(shown))
      if (!last || holding.until > last.until) last = holding
    }
  }
}

/** A renewal takes no port. */
const GETS = new Set(['get', 'lease', 'renew'])
const ALLOCATES = ['allocate', 'allocateMany']

/** `allocate` always returns a new port, except for a repeated key. */
export function checkAllocatedTwice(ledger: Ledger, report: Report) {
  for (const service of ledger.services.values()) {
    const allocations = service.claims.filter(({ call }) => ALLOCATES.includes(call.op))
    if (allocations.length === 0) continue
    const keyed = keyedCalls(service)
    const byPort = groupBy(holdingsOf(service).sort(byStart), ({ port }) => String(port))
    for (const claim of allocations) {
      const { at, end, key } = claim.call
      const repeated =
        key !== undefined && keyed.get(key)?.some((call) => call !== claim.call && call.at < end)
      if (repeated) continue
      const held = byPort.get(String(claim.port)) ?? []
      const before = held[firstAfter(held, at) - 1]
      // According to other calls, the port was held from before the start until after the reply.
      if (before && before.from < at && before.until > end) {
        report('held by two at once', [shown(before), claim.call])
      }
    }
  }
}

function keyedCalls(service: Service) {
  const calls = [...service.claims.map(({ call }) => call), ...service.unknown]
  return groupBy(
    calls.filter(({ key }) => key !== undefined),
    ({ key }) => String(key),
  )
}

/** A get takes a port only if the service holds none, and otherwise returns the oldest one. */
export function checkOnePort(ledger: Ledger, report: Report) {
  const outcomes = groupBy(ledger.unknownOutcomes, ({ service }) => service.name)
  for (const service of ledger.services.values()) {
    checkKeys(service, report)
    const holdings = holdingsOf(service).sort(byStart)
    if (holdings.length < 2) continue
    const unclear = outcomes.get(service.name) ?? []
    checkOldest(service, holdings, unclear, report)
    const unknown = unclear.filter(({ call }) => !GETS.has(call.op))
    const gotten = holdings.filter((holding) => !wasAllocated(service, holding))
    for (const holding of gotten) {
      const made = whenMade(service, holding, unclear)
      if (unknown.some((outcome) => outcome.from < made.until && outcome.until > made.from))
        continue
      for (const other of holdings) {
        if (other.from >= made.from) break
        if (other.port !== holding.port && other.until > made.until) {
          report('two ports for one service or key', [other, holding].map(shown))
        }
      }
    }
    checkGottenTogether(gotten, unknown, report)
  }
}

/** Checks that get does not return a port while an older one is certainly held. */
function checkOldest(
  service: Service,
  holdings: Holding[],
  unclear: UnknownOutcome[],
  report: Report,
) {
  const spans = groupBy(holdings, ({ port }) => String(port))
  for (const [port, told] of service.claimsByPort) {
    const others = [...spans.values()].filter(([first]) => first?.port !== port)
    if (others.length === 0) continue
    const making = new EarliestMaking(told)
    for (const { call } of told) {
      if (call.op !== 'get' && call.op !== 'lease') continue
      const mayHaveMade = unclear.filter(({ until }) => until > call.at).map(({ from }) => from)
      const made = Math.min(making.ofWhatIsHeldAt(call.at), ...mayHaveMade)
      for (const there of others) {
        const older = there[firstAfter(there, made) - 1]
        if (older && older.from < made && older.until > call.end) {
          report('two ports for one service or key', [shown(older), call])
        }
      }
    }
  }
}

/** The earliest start of the holding of one port at a given time. */
class EarliestMaking {
  #told: readonly Claim[]
  #earliest

  /** @param told in the order of replies, which is the order of `possiblyUntil` */
  constructor(told: readonly Claim[]) {
    this.#told = told
    this.#earliest = new Array(told.length) as number[]
    let least = FOREVER
    for (let index = told.length - 1; index >= 0; index--) {
      least = Math.min(least, told[index]?.possiblyFrom ?? FOREVER)
      this.#earliest[index] = least
    }
  }

  ofWhatIsHeldAt(time: number) {
    let low = 0
    let high = this.#told.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#told[middle]?.possiblyUntil ?? FOREVER) <= time) low = middle + 1
      else high = middle
    }
    return this.#earliest[low] ?? FOREVER
  }
}

function checkGottenTogether(gotten: Holding[], unknown: UnknownOutcome[], report: Report) {
  let last = gotten[0]
  for (const holding of gotten.slice(1)) {
    const isUnclear = unknown.some(
      ({ from, until }) => from < holding.from && until > (last?.from ?? 0),
    )
    if (last && holding.from < last.until && holding.port !== last.port && !isUnclear) {
      report('two ports for one service or key', [last, holding].map(shown))
    }
    if (!last || holding.until > last.until) last = holding
  }
}

function wasAllocated(service: Service, { port, from, until }: Holding) {
  return service.claimsByPort
    .get(port)
    ?.some(
      ({ call, possiblyFrom, possiblyUntil }) =>
        !GETS.has(call.op) && possiblyFrom < until && possiblyUntil > from,
    )
}

/** Returns the interval in which a get took the port. */
function whenMade(service: Service, { port, from }: Holding, unclear: UnknownOutcome[]) {
  const told = service.claimsByPort.get(port) ?? []
  const mayHaveMade = [
    ...told.filter((claim) => claim.possiblyFrom < from && claim.possiblyUntil > from),
    ...unclear
      .filter((outcome) => outcome.until > from)
      .map((outcome) => ({ possiblyFrom: outcome.from })),
  ]
  return {
    from: mayHaveMade.reduce((first, { possiblyFrom }) => Math.min(first, possiblyFrom), from),
    until: from,
  }
}

function checkKeys(service: Service, report: Report) {
  // batches.ts checks several numbers under one key.
  const keyed = service.claims.filter(
    ({ call, from, until }) => call.key && call.op === 'allocate' && from < until,
  )
  for (const claims of groupBy(keyed, ({ call }) => String(call.key)).values()) {
    claims.sort(byStart)
    let last = claims[0]
    for (const claim of claims.slice(1)) {
      if (last && claim.from < last.until && claim.port !== last.port) {
        report('two ports for one service or key', [last.call, claim.call])
      }
      if (!last || claim.until > last.until) last = claim
    }
  }
}

export function shown({ service, port, from, until }: Holding) {
  return { service: service.name, port, from, until: String(until) }
}
