// Checks that a service gets back the number that rests for it, and no other.
//
// A call skips a slot that another transaction has locked. Faults do not lock slots of these
// projects. A call of another service may have locked the slot if it started before the service got
// the number and reached the slot after the release. An audit that started while the number was
// held may have locked it as well.

import { MAX_IN_FLIGHT_US, PROTOCOLS } from '../workload.js'
import type { Report } from './check.js'
import { type Named, nameOf, type Service } from './claims.js'
import { groupBy } from './groups.js'
import { type Call, NOTHING_CHANGED, servicesOf, toldBy } from './histories.js'
import { firstAfter } from './intervals.js'
import type { Ledger } from './Ledger.js'
import { restsOf, restUntil } from './rests.js'

export const RESTING_NOT_RETURNED = 'resting number not returned to its service'

/** A batch takes no number that rests. */
const RETURNS = new Set(['get', 'lease', 'allocate'])

/** `decided` counts the calls that had to return such a number. */
export function checkReturns(ledger: Ledger, report: Report) {
  const audits = new Latest(
    ledger,
    ledger.calls.filter(({ op }) => op === 'audit'),
  )
  let decided = 0
  for (const [project, calls] of groupBy(ledger.calls, (call) => call.project ?? '')) {
    if (restsOf(project) === undefined) continue
    const all = new Latest(ledger, calls)
    for (const [name, own] of callsByService(calls)) {
      const service = ledger.services.get(name)
      if (!service) continue
      for (const { released, next, ports } of pairsOf(ledger, service, own)) {
        const told = lastToldOf(service, ports, released)
        if (
          told === undefined ||
          ledger.jumps.isDuring({ from: told.at, until: next.end }) ||
          all.ofThoseBefore(told.end) > released.at ||
          audits.ofThoseBefore(next.end) > released.at
        ) {
          continue
        }
        decided++
        if (!mayRestFor(ledger, service, own, next))
          report(RESTING_NOT_RETURNED, { next, released })
      }
    }
  }
  return decided
}

/** By service, the calls that may have changed its ports, in the order of their start. */
function callsByService(calls: readonly Call[]) {
  const named = calls.flatMap((call) =>
    servicesOf(call).flatMap((service) =>
      PROTOCOLS.filter((proto) => call.proto === undefined || call.proto === proto).map(
        (proto) => ({
          call,
          name: nameOf({ ...(call as Named), service, proto }),
        }),
      ),
    ),
  )
  return new Map(
    [...groupBy(named, ({ name }) => name)].map(([name, own]) => [
      name,
      own.map(({ call }) => call),
    ]),
  )
}

/**
 * Yields a full release in the scope and the next call for a port before the end of the rest. No
 * other call of the service was in progress.
 */
function* pairsOf(ledger: Ledger, service: Service, own: readonly Call[]) {
  const rest = restsOf(service.project) ?? 0
  const latest = new Latest(ledger, own)
  for (const [nth, released] of own.entries()) {
    const next = own[nth + 1]
    const isOfAll = released.port === undefined && released.holding === undefined
    if (released.op !== 'release' || !isOfAll || !Array.isArray(released.ok)) continue
    if (!next || !RETURNS.has(next.op) || next.ok === undefined || next.lost || released.lost)
      continue
    if (next.at <= released.end || next.end >= released.at + rest) continue
    const isAlone =
      latest.ofThoseBefore(released.at) < released.at && (own[nth + 2]?.at ?? next.end) >= next.end
    const ports = released.ok
      .filter(([port, proto]) => proto === service.proto && !mayBeReserved(ledger, service, port))
      .map(([port]) => port)
    if (isAlone && ports.length > 0) yield { released, next, ports }
  }
}

function mayBeReserved({ reservations }: Ledger, { host, proto }: Service, port: number) {
  return reservations.possible({ host, proto, port }).length > 0
}

/** The last call before the release that returned one of the released ports. */
function lastToldOf({ claims }: Service, ports: readonly number[], released: Call) {
  return claims.findLast(({ call, port }) => ports.includes(port) && call.end < released.at)?.call
}

/** Whether the port of the call may have rested for the service. */
function mayRestFor(
  ledger: Ledger,
  { project, claimsByPort }: Service,
  own: readonly Call[],
  next: Call,
) {
  const port = toldBy(next)[0]?.port ?? 0
  const wasTold = claimsByPort
    .get(port)
    ?.some(
      ({ call, possiblyUntil }) =>
        call !== next && restUntil(ledger, project, possiblyUntil) >= next.at,
    )
  // This includes ports that were never acknowledged before their release.
  const wasReleased = own.some(
    ({ op, ok, at }) =>
      op === 'release' &&
      at < next.at &&
      Array.isArray(ok) &&
      ok.some(([released]) => released === port),
  )
  return wasTold || wasReleased
}

/** The times after which calls can no longer take effect. */
class Latest {
  #calls
  /** The latest time for each call and those before it. */
  #ends: number[] = []

  /** @param calls in the order of their start */
  constructor(ledger: Ledger, calls: readonly Call[]) {
    this.#calls = calls.map(({ at }) => ({ from: at }))
    for (const call of calls) {
      const { ok, error = '', lost } = call
      const isAnswered = !lost && (ok !== undefined || NOTHING_CHANGED.has(error))
      const end = Math.min(call.end, ledger.exitedAt(call)) + (isAnswered ? 0 : MAX_IN_FLIGHT_US)
      this.#ends.push(Math.max(this.#ends.at(-1) ?? 0, end))
    }
  }

  /** Returns the time for calls that started before `time`. */
  ofThoseBefore(time: number) {
    return this.#ends[firstAfter(this.#calls, time - 1) - 1] ?? Number.NEGATIVE_INFINITY
  }
}
