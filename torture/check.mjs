// Judges a run from what the callers were told and what the database holds in the end. Written from
// the registry's promises alone; shares no code with it.
//
// What is certain is told from what is possible. A port is *certainly* held from the moment that it
// was acknowledged to the moment that the first release that may have met it was asked for, and
// *possibly* held from the moment it was asked for to the moment its release was acknowledged. A
// call without an answer, or with OUTCOME_UNKNOWN, makes things possible and nothing certain.
// RANGE_EXHAUSTED, BUSY and DATABASE_UNAVAILABLE promise that nothing was changed, and are taken
// at their word. So whatever is reported here is wrong; what hides in a doubt is not reported.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { HOSTS, PROJECTS, PROTOCOLS, SHARED } from './workload.mjs'

const NOTHING_CHANGED = new Set(['RANGE_EXHAUSTED', 'BUSY', 'DATABASE_UNAVAILABLE'])
const FOREVER = Number.POSITIVE_INFINITY
const RANGES = new Map(PROJECTS.map((project) => [project.projectName, project]))

/** @param liveRows of the final table: { project, service, host, proto, port } */
export function check(directory, liveRows) {
  return new Checker(readHistories(directory)).judge(liveRows)
}

function readHistories(directory) {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.jsonl'))
    .flatMap((file) => readHistory(join(directory, file)))
    .sort((one, other) => one.at - other.at)
}

function readHistory(file) {
  const calls = []
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const entry = parsed(line)
    if (!entry) continue
    if ('at' in entry) calls[entry.id] = { end: FOREVER, ...entry }
    else Object.assign(calls[entry.id], entry)
  }
  return calls
}

/** The last line of a worker that was killed may be cut. */
function parsed(line) {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

class Checker {
  #calls
  #services = new Map()
  #holds = []
  /** By project and scope: when allocations of unknown outcome were asked for. */
  #doubts = new Map()
  #found = {
    'held by two at once': [],
    'acknowledged and lost': [],
    'outside its range': [],
    'two ports for one service or key': [],
    'false RANGE_EXHAUSTED': [],
    'held, and nobody was told (zombie)': [],
    'raw or absurd error': [],
  }

  constructor(calls) {
    this.#calls = calls
  }

  judge(liveRows) {
    for (const call of this.#calls) this.#follow(call)
    this.#checkOverlaps()
    const byPlace = groupBy(this.#holds, (hold) => placeOf(hold))
    this.#checkLists(byPlace)
    const exhausted = this.#checkExhausted(byPlace)
    this.#checkFinal(liveRows)
    return { found: this.#found, ...this.#statistics(), exhausted }
  }

  #report(kind, details) {
    this.#found[kind].push(details)
  }

  #service(call, proto = call.proto) {
    const name = [call.project, call.service, call.host, proto].join('/')
    const known = this.#services.get(name)
    if (known) return known
    const shared = SHARED.includes(call.service)
    const service = { name, shared, held: new Map(), keys: new Map(), unknown: 0, doubtful: false }
    this.#services.set(name, service)
    return service
  }

  #follow(call) {
    if (call.error !== undefined && !isExpected(call)) this.#report('raw or absurd error', call)
    if (call.op === 'release') this.#followRelease(call)
    if (call.op === 'get' || call.op === 'allocate') this.#followAllocation(call)
  }

  #followRelease(call) {
    if (NOTHING_CHANGED.has(call.error)) return
    for (const proto of call.proto === undefined ? PROTOCOLS : [call.proto]) {
      const service = this.#service(call, proto)
      for (const hold of service.held.values()) hold.until = Math.min(hold.until, call.at)
      if (call.ok === undefined) {
        // It may land at any time from now on.
        service.doubtful = true
      } else {
        for (const hold of service.held.values()) hold.possiblyUntil = call.end
        service.held.clear()
      }
    }
  }

  #followAllocation(call) {
    if (NOTHING_CHANGED.has(call.error)) return
    const service = this.#service(call)
    const earlier = call.key === undefined ? undefined : service.keys.get(call.key)
    if (call.ok === undefined) {
      service.unknown++
      push(this.#doubts, scopeOf(call), call.at)
      if (call.key !== undefined) service.keys.set(call.key, { ...earlier, unknown: true })
      return
    }
    const port = call.ok
    const { startPort, endPort } = RANGES.get(call.project)
    if (!(port >= startPort && port <= endPort)) this.#report('outside its range', call)
    if (!service.doubtful && contradicts(call, service, earlier)) {
      this.#report('two ports for one service or key', { call, held: [...service.held.keys()] })
    }
    const standing = service.held.get(port)
    if (standing && (call.op === 'get' || earlier?.unknown || earlier?.hold === standing)) {
      if (call.key !== undefined) service.keys.set(call.key, { hold: standing })
      // Two that asked at once: the first answer is when it was certain.
      standing.from = Math.min(standing.from, call.end)
      return
    }
    const hold = {
      project: call.project,
      service: call.service,
      host: call.host,
      proto: call.proto,
      port,
      from: call.end,
      until: service.doubtful ? call.end : FOREVER,
      possiblyFrom: call.at,
      possiblyUntil: FOREVER,
    }
    service.held.set(port, hold)
    if (call.key !== undefined) service.keys.set(call.key, { hold })
    this.#holds.push(hold)
  }

  #checkOverlaps() {
    const certain = this.#holds.filter((hold) => hold.from < hold.until)
    for (const holds of groupBy(certain, (hold) => placeOf(hold)).values()) {
      holds.sort((one, other) => one.from - other.from)
      let last = holds[0]
      for (const hold of holds.slice(1)) {
        if (hold.from < last.until) this.#report('held by two at once', [last, hold])
        if (hold.until > last.until) last = hold
      }
    }
  }

  /** A list shows everything that was certainly held from before it was asked for to after. */
  #checkLists(byPlace) {
    for (const holds of byPlace.values()) holds.sort((one, other) => one.from - other.from)
    for (const call of this.#calls) {
      if (call.op !== 'list' || call.ok === undefined) continue
      const listed = new Set()
      const places = new Set()
      for (const [project, service, host, proto, port] of call.ok) {
        listed.add([project, service, host, proto, port].join('/'))
        const place = placeOf({ host, proto, port })
        if (places.has(place)) this.#report('held by two at once', { place, list: call.at })
        places.add(place)
        this.#checkRange({ project, port })
      }
      for (const holds of this.#heldThroughout(call, byPlace)) {
        for (const hold of holds) {
          const name = [hold.project, hold.service, hold.host, hold.proto, hold.port].join('/')
          if (!listed.has(name)) this.#report('acknowledged and lost', { hold, list: call.at })
        }
      }
    }
  }

  *#heldThroughout(call, byPlace) {
    for (const { projectName, startPort, endPort } of PROJECTS) {
      if (call.project !== undefined && call.project !== projectName) continue
      for (const [host, proto] of SCOPES) {
        for (let port = startPort; port <= endPort; port++) {
          const holds = byPlace.get(placeOf({ host, proto, port })) ?? []
          // The last that began before; more than one only where two overlap, reported already.
          const hold = lastBefore(holds, call.at)
          if (hold && hold.until > call.end) yield [hold]
        }
      }
    }
  }

  /** True only if, at some moment of the call, every number may have been held. */
  #checkExhausted(byPlace) {
    const possible = new Map()
    for (const [place, holds] of byPlace) possible.set(place, merged(holds))
    let decided = 0
    let refused = 0
    for (const call of this.#calls) {
      if (call.error !== 'RANGE_EXHAUSTED') continue
      refused++
      const { startPort, endPort } = RANGES.get(call.project)
      let held = 0
      for (let port = startPort; port <= endPort; port++) {
        const spans = possible.get(placeOf({ ...call, port })) ?? []
        const span = lastBefore(spans, call.end)
        if (span && span.until >= call.at) held++
      }
      const doubts = (this.#doubts.get(scopeOf(call)) ?? []).filter((at) => at <= call.end).length
      const size = endPort - startPort + 1
      // What is in doubt may be held for ever, so each doubt makes the judgement milder by a number.
      if (doubts === 0) decided++
      if (held + doubts < size) {
        this.#report('false RANGE_EXHAUSTED', { call, held, doubts, size })
      }
    }
    return { refused, decided }
  }

  #checkFinal(rows) {
    const names = new Set(rows.map((row) => `${nameOf(row)}/${row.port}`))
    for (const hold of this.#holds) {
      const lost = hold.until === FOREVER && !names.has(`${nameOf(hold)}/${hold.port}`)
      if (lost) this.#report('acknowledged and lost', { hold, list: 'final table' })
    }
    for (const rowsThere of groupBy(rows, placeOf).values()) {
      if (rowsThere.length > 1) this.#report('held by two at once', rowsThere)
    }
    for (const [name, rowsOfService] of groupBy(rows, nameOf)) {
      const service = this.#services.get(name) ?? { held: new Map(), unknown: 0 }
      const untold = rowsOfService.filter((row) => !service.held.has(row.port))
      if (untold.length > service.unknown) {
        this.#report('held, and nobody was told (zombie)', { name, untold })
      }
      if (service.shared && rowsOfService.length > 1) {
        this.#report('two ports for one service or key', rowsOfService)
      }
    }
    for (const row of rows) this.#checkRange(row)
  }

  #checkRange(row) {
    const range = RANGES.get(row.project)
    const inside = range && row.port >= range.startPort && row.port <= range.endPort
    if (!inside) this.#report('outside its range', row)
  }

  #statistics() {
    const acknowledged = {}
    const errors = {}
    let unanswered = 0
    let slowest = 0
    for (const call of this.#calls) {
      if (call.ok !== undefined) acknowledged[call.op] = (acknowledged[call.op] ?? 0) + 1
      else if (call.error === undefined) unanswered++
      else {
        const told = `${call.error} to ${call.op}`
        errors[told] = (errors[told] ?? 0) + 1
      }
      if (call.end !== FOREVER) slowest = Math.max(slowest, call.end - call.at)
    }
    return { acknowledged, errors, unanswered, slowest }
  }
}

const SCOPES = HOSTS.flatMap((host) => PROTOCOLS.map((proto) => [host, proto]))

function isExpected({ op, error }) {
  if (error === 'OUTCOME_UNKNOWN') return op === 'get' || op === 'allocate' || op === 'release'
  if (error === 'RANGE_EXHAUSTED') return op === 'get' || op === 'allocate'
  return NOTHING_CHANGED.has(error)
}

/** Whether the answer cannot be, after what was told before. */
function contradicts(call, service, earlier) {
  if (call.op === 'get') {
    return service.held.size > 0 && !service.held.has(call.ok) && service.unknown === 0
  }
  const hold = earlier?.hold
  return hold !== undefined && service.held.get(hold.port) === hold && hold.port !== call.ok
}

function merged(holds) {
  const sorted = holds
    .map((hold) => ({ from: hold.possiblyFrom, until: hold.possiblyUntil }))
    .sort((one, other) => one.from - other.from)
  const spans = []
  for (const span of sorted) {
    const last = spans.at(-1)
    if (last && span.from <= last.until) last.until = Math.max(last.until, span.until)
    else spans.push(span)
  }
  return spans
}

/** Of what is sorted by `from`: the last that began at that time or before. */
function lastBefore(sorted, time) {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle].from <= time) low = middle + 1
    else high = middle
  }
  return sorted[low - 1]
}

function placeOf({ host, proto, port }) {
  return `${host}/${proto}/${port}`
}

function nameOf({ project, service, host, proto }) {
  return `${project}/${service}/${host}/${proto}`
}

function scopeOf({ project, host, proto }) {
  return `${project}/${host}/${proto}`
}

function groupBy(list, keyOf) {
  const groups = new Map()
  for (const each of list) push(groups, keyOf(each), each)
  return groups
}

function push(groups, key, value) {
  const group = groups.get(key)
  if (group) group.push(value)
  else groups.set(key, [value])
}
