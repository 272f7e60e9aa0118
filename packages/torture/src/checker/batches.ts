// Checks that a batch gives each service exactly what was requested, for all services or none, and
// that the same request gets the same reply.
import type { Report } from './check.js'
import { type Claim, nameOf, type Service } from './claims.js'
import { groupBy } from './groups.js'
import { type Call, FOREVER, type Item, itemsOf, TAKES_MANY, takes, toldBy } from './histories.js'
import { byStart, type Interval } from './intervals.js'
import type { Ledger, UnknownOutcome } from './Ledger.js'
import { INCOMPLETE_BATCH, isLaidOut, WRONG_LAYOUT } from './layouts.js'
import type { Seen } from './lists.js'
import { RESOLVER } from './unknownOutcomes.js'

const SECOND = 'two ports for one service or key'

export function checkBatches(ledger: Ledger, report: Report) {
  for (const call of ledger.calls) {
    if (TAKES_MANY.has(call.op) && call.ok !== undefined) checkAnswer(call, report)
  }
  const outcomes = groupBy(ledger.unknownOutcomes, ({ service }) => service.name)
  const certain = certainAnswers(ledger)
  for (const service of ledger.services.values()) {
    const claims = service.claims.filter(({ call }) => isIdempotent(call))
    if (claims.length === 0) continue
    checkSame(claims, certain, report)
    checkKept(service, claims, outcomes.get(service.name) ?? [], report)
  }
}

function isIdempotent({ op, key }: Call) {
  return op === 'ensureMany' || (op === 'allocateMany' && key !== undefined)
}

/** Compares two replies, in the order of items, numbers and protocols. */
function checkAnswer(call: Call, report: Report) {
  const told = toldBy(call)
  const items = itemsOf(call)
  const expected = items.flatMap((item) => {
    const own = told.filter(
      ({ service, proto }) => service === item.service && item.protocols.includes(proto),
    )
    if (!isLaidOut(item, own)) report(WRONG_LAYOUT, { call, item })
    return own.sort((one, other) => one.port - other.port || (one.proto < other.proto ? -1 : 1))
  })
  const shown = (numbers: typeof told) =>
    numbers.map(({ service, proto, port }) => `${service}/${proto}/${port}`).join()
  if (shown(told) !== shown(expected)) report(WRONG_LAYOUT, { call, order: shown(expected) })
}

/** Returns the times at which all ports of a reply to a service, of all protocols, were held. */
function certainAnswers({ services }: Ledger) {
  const certain = new Map<string, Interval>()
  for (const { claims } of services.values()) {
    for (const claim of claims) {
      if (!isIdempotent(claim.call)) continue
      const { from, until } = certain.get(answerOf(claim)) ?? { from: 0, until: FOREVER }
      certain.set(answerOf(claim), {
        from: Math.max(from, claim.from),
        until: Math.min(until, claim.until),
      })
    }
  }
  return certain
}

function answerOf({ call, service }: Claim) {
  return `${call.by}#${call.id}/${service.service}`
}

/**
 * Two replies to one service whose ports are held at the same time are equal if layout and key are.
 */
function checkSame(
  claims: readonly Claim[],
  certain: ReadonlyMap<string, Interval>,
  report: Report,
) {
  const answers = [...groupBy(claims, answerOf)].map(([answer, told]) => ({
    call: (told[0] as Claim).call,
    ports: told
      .map(({ port }) => port)
      .sort((one, other) => one - other)
      .join(),
    ...(certain.get(answer) as Interval),
  }))
  const held = answers.filter(({ from, until }) => from < until)
  const alike = groupBy(held, ({ call }) => sameLayout(call, String(claims[0]?.service.service)))
  for (const told of alike.values()) {
    told.sort(byStart)
    let last = told[0]
    for (const answer of told.slice(1)) {
      if (last && answer.from < last.until && answer.ports !== last.ports) {
        report(SECOND, [last.call, answer.call])
      }
      if (!last || answer.until > last.until) last = answer
    }
  }
}

function sameLayout(call: Call, service: string) {
  const item = itemsOf(call).find((each) => each.service === service)
  return JSON.stringify([item?.count, item?.contiguous, item?.protocols, call.key])
}

/** A service that holds ports, under this key if there is one, gets no others. */
function checkKept(
  service: Service,
  claims: readonly Claim[],
  outcomes: readonly UnknownOutcome[],
  report: Report,
) {
  for (const { call, port } of claims) {
    const { at, end } = call
    if (outcomes.some(({ from, until }) => from < end && until > at)) continue
    const counts = (other: Claim) =>
      other.call !== call && (call.key === undefined || call.key === other.call.key)
    const held = service.claims.find(
      (other) => counts(other) && other.from < at && other.until > end,
    )
    if (!held) continue
    const isKept = service.claimsByPort
      .get(port)
      ?.some((other) => counts(other) && other.possiblyFrom < end && other.possiblyUntil > at)
    if (!isKept) report(SECOND, [held.call, call])
  }
}

/**
 * Services that were used only in batches, always with one layout, and released as a whole. All of
 * such a service is visible, or nothing.
 * @returns by service and host
 */
export function wholeServices(calls: readonly Call[]): Map<string, Item> {
  const layouts = new Map<string, Item>()
  const excluded = new Set<string>()
  for (const call of calls) {
    // The resolver releases single numbers after the table was read.
    if (call.by === RESOLVER) continue
    if (call.op === 'release') {
      if (call.proto !== undefined || call.port !== undefined) excluded.add(onHost(call))
      continue
    }
    if (!takes(call)) continue
    for (const item of itemsOf(call)) {
      const name = onHost({ ...call, service: item.service })
      const known = layouts.get(name)
      const isOther = known !== undefined && JSON.stringify(known) !== JSON.stringify(item)
      if (call.op !== 'ensureMany' || isOther) excluded.add(name)
      layouts.set(name, item)
    }
  }
  for (const name of excluded) layouts.delete(name)
  return layouts
}

export function checkWhole(ledger: Ledger, { what, at, rows }: Seen, report: Report) {
  for (const [name, own] of groupBy(rows, onHost)) {
    const item = ledger.whole.get(name)
    if (item && !isLaidOut(item, own)) report(INCOMPLETE_BATCH, { item, own, in: what, at })
  }
}

function onHost({
  project = '',
  service = '',
  instance = '',
  host = '',
}: {
  project?: string
  service?: string
  instance?: string | undefined
  host?: string
}) {
  return nameOf({ project, service, instance, host, proto: '' })
}
