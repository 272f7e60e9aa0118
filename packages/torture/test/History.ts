import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { check, findUnresolved } from '../src/checker/check.js'
import type { Event, HeldRow } from '../src/checker/events.js'
import { JUMPS } from '../src/checker/Jumps.js'
import type { Numbers, ReservationEvent } from '../src/checker/reservedNumbers.js'
import { STUCK } from '../src/checker/waits.js'
import { PROJECTS } from '../src/workload.js'

type Answer = ({ ok: unknown } | { error: string; text?: string }) & { lost?: boolean }

interface Asked {
  readonly project?: string
  readonly service?: string
  readonly instance?: string
  readonly host?: string
  readonly proto?: string
  readonly port?: number
  readonly key?: string
  readonly wanted?: number
  readonly count?: number
  readonly contiguous?: boolean
  readonly boundTo?: string
  readonly from?: number
  readonly useReservation?: boolean
  /** In seconds. */
  readonly ttl?: number
  readonly holding?: string | undefined
}

interface Scope {
  readonly boundTo?: string
  readonly proto?: string
}

export interface Layout {
  readonly count?: number
  readonly contiguous?: boolean
  readonly protocols?: readonly string[]
}

/** A service, one of its ports, and the protocol where it is not TCP. */
type Given = readonly [service: string, port: number, proto?: string]

interface Dumped {
  /** The ports that the events of the dump leave held, by default those that it shows. */
  readonly byEvents?: readonly number[]
  /** By port, the calls that made what the dump does not show. */
  readonly makers?: Readonly<Record<number, string>>
  /** The temporary ranges of `small`. */
  readonly temporary?: readonly [start: number, end: number][]
  /** Omits the permanent ranges. */
  readonly withoutRanges?: boolean
}

interface Written extends Asked {
  /** The name of its call, by default the first call of `w0`. */
  readonly actor?: string | null
  readonly transaction?: string
  /** In seconds. */
  readonly dated?: number
}

/** A port, the id of the allocation, and its end. */
type Leased = readonly [port: number, id: number, endsAt?: number]

const PLACE = { project: 'small', service: 'api', host: 'alpha', proto: 'tcp' }

const PERMANENT = PROJECTS.flatMap(({ projectName, ranges }) =>
  ranges.map(({ startPort, endPort, boundTo }) => [projectName, startPort, endPort, boundTo]),
)

/**
 * A history like that of a run. Times are in seconds, and ports count from the first of `small`.
 */
export class History {
  readonly #lines = new Map<string, string[]>()
  readonly #rows: HeldRow[] = []
  readonly #events: Event[] = []
  readonly #reservations: Numbers[] = []
  readonly #reservationEvents: ReservationEvent[] = []
  #stuck = ''
  #jumps = ''
  #tableAt = 1_000
  #exits = ''

  get(from: number, until: number, answer: number | Answer, asked: Asked = {}, by = 'w0'): this {
    return this.#call('get', [from, until], answer, asked, by)
  }

  allocate(
    from: number,
    until: number,
    answer: number | Answer,
    asked: Asked = {},
    by = 'w0',
  ): this {
    return this.#call('allocate', [from, until], answer, asked, by)
  }

  claim(
    from: number,
    until: number,
    port: number,
    answer: number | Answer = port,
    asked: Asked = {},
  ): this {
    return this.#call('claim', [from, until], answer, { wanted: numberOf(port), ...asked })
  }

  /** The lease lasts one second by default. */
  lease(
    [from, until]: [number, number],
    [port, id, endsAt = 0]: Leased,
    asked: Asked & { readonly lost?: boolean } = {},
  ): this {
    return this.#leased('lease', [from, until], [port, id, endsAt], { ttl: 1, ...asked })
  }

  /** The lease is renewed for one second by default. */
  renew(
    [from, until]: [number, number],
    [port, id, endsAt = 0]: Leased,
    answer?: Answer,
    asked: Asked = {},
  ): this {
    const told = { ttl: 1, port: numberOf(port), holding: String(id), ...asked }
    return this.#leased('renew', [from, until], [port, id, endsAt], told, answer)
  }

  /** The clock of the server may jump at this time. */
  jump(from: number, until: number): this {
    this.#jumps += `${from * 1e6} ${until * 1e6}\n`
    return this
  }

  /** By default the reply is the requested move. */
  move(
    [from, until]: [number, number],
    [old, wanted]: [number, number],
    answer?: Answer,
    asked: Asked = {},
  ): this {
    const told = answer ?? { ok: { from: numberOf(old), moved: true, port: numberOf(wanted) } }
    const numbers = { from: numberOf(old), wanted: numberOf(wanted) }
    return this.#write('w0', { op: 'move', ...PLACE, ...numbers, ...asked }, [from, until], told)
  }

  /** By default for every host and both protocols. */
  reserve(
    [from, until]: [number, number],
    [start, end]: [number, number],
    answer: Answer = { ok: true },
    scope: Scope = {},
  ): this {
    return this.#reservation('reserve', [from, until], [start, end], answer, scope)
  }

  /** The result is the number of removed reservations. */
  unreserve(
    [from, until]: [number, number],
    [start, end]: [number, number],
    answer: Answer = { ok: 1 },
    scope: Scope = {},
  ): this {
    return this.#reservation('unreserve', [from, until], [start, end], answer, scope)
  }

  /** A reservation that exists at the end. */
  reserved([start, end]: [number, number]): this {
    this.#reservations.push(numbersOf(start, end))
    return this
  }

  /** An event of a reservation, by default of the first call of the reserver. */
  reservationEvent(what: string, [start, end]: [number, number], actor = 'reserver#0'): this {
    const id = this.#reservationEvents.length + 1
    this.#reservationEvents.push({ id, what, actor, ...numbersOf(start, end) })
    return this
  }

  /** One batch, with the layout of each service and the reply. */
  batch(
    [from, until]: [number, number],
    layouts: Readonly<Record<string, Layout>>,
    answer: readonly Given[] | Answer,
    asked: Asked & { readonly by?: string } = {},
  ): this {
    const told =
      'map' in answer
        ? { ok: answer.map(([service, port, proto = 'tcp']) => [service, proto, numberOf(port)]) }
        : answer
    const { by = 'w0', ...where } = asked
    const { service: _, proto: __, ...place } = PLACE
    const batch = { op: 'ensureMany', ...place, ...where, items: itemsOf(layouts) }
    return this.#write(by, batch, [from, until], told)
  }

  /** A batch whose process is killed before the reply. */
  batchCutOff(from: number, layouts: Readonly<Record<string, Layout>>): this {
    return this.cutOff('ensureMany', from, { items: itemsOf(layouts) } as Asked)
  }

  /** Several numbers, with or without a key. */
  allocateMany(
    from: number,
    until: number,
    answer: readonly number[] | Answer,
    asked: Asked & { readonly count: number },
  ): this {
    const told = 'map' in answer ? { ok: answer.map(numberOf) } : answer
    return this.#write(
      'w0',
      { op: 'allocateMany', ...PLACE, contiguous: false, ...asked },
      [from, until],
      told,
    )
  }

  /** A range of `small`, on all hosts or one. */
  addRange(
    [from, until]: [number, number],
    bounds: [start: number, end: number],
    answer: Answer = { ok: true },
    boundTo?: string,
  ): this {
    return this.#change('addRange', [from, until], bounds, answer, boundTo)
  }

  removeRange(
    [from, until]: [number, number],
    bounds: [start: number, end: number],
    answer: Answer = { ok: true },
    boundTo?: string,
  ): this {
    return this.#change('removeRange', [from, until], bounds, answer, boundTo)
  }

  /** A dump of the ports of `small`: services by port. */
  dump(
    [from, until]: [number, number],
    held: Readonly<Record<number, string>>,
    { byEvents, makers = {}, temporary = [], withoutRanges = false }: Dumped = {},
  ): this {
    const ports = Object.keys(held).map((port) => Number.parseInt(port, 10))
    const added = temporary.map(([start, end]) => ['small', numberOf(start), numberOf(end), null])
    const ok = {
      held: ports.map((port) => ['small', held[port], 'alpha', 'tcp', numberOf(port), '']),
      ids: ports,
      heldByEvents: byEvents ?? ports,
      makers,
      ranges: [...(withoutRanges ? [] : PERMANENT), ...added],
    }
    return this.#write('w0', { op: 'dump' }, [from, until], { ok })
  }

  release(from: number, until: number, answer: Answer = { ok: true }, asked: Asked = {}): this {
    return this.#call('release', [from, until], answer, asked)
  }

  /** The result has the released ports. */
  releaseOf(ports: number[], from: number, until: number, lost = false, asked: Asked = {}): this {
    const ok = ports.map((port) => [numberOf(port), PLACE.proto])
    return this.#call('release', [from, until], { ok, lost }, asked)
  }

  update(from: number, until: number, answer: Answer = { ok: true }, asked: Asked = {}): this {
    return this.#call('update', [from, until], answer, asked)
  }

  /** The next event. */
  event(what: string, port: number, allocation: number, written: Written = {}): this {
    const id = this.#events.length + 1
    const by = { actor: 'w0#0', transaction: String(id), ...PLACE, ...written }
    const dated = (written.dated ?? 0) * 1e3
    this.#events.push({ id, what, allocation, ...by, dated, port: numberOf(port) })
    return this
  }

  /** Locks of the project, or of no project, were held, and there was no other fault. */
  stuck(from: number, until: number, project = ''): this {
    this.#stuck += `${from * 1e6} ${until * 1e6} ${project}\n`
    return this
  }

  /** A list of the ports of `small`: services by port. */
  list(from: number, until: number, held: Readonly<Record<number, string>>): this {
    const ok = Object.entries(held).map(([port, service]) => [
      'small',
      service,
      'alpha',
      'tcp',
      numberOf(Number(port)),
    ])
    return this.#write('w0', { op: 'list', project: 'small' }, [from, until], { ok })
  }

  /** A call whose process is killed before the reply. */
  cutOff(op: string, from: number, asked: Asked = {}, by = 'w9', exitedAt = from): this {
    this.#exits += `${by} ${exitedAt * 1e6}\n`
    return this.#write(by, { op, ...PLACE, ...asked }, [from])
  }

  /** A row of the table at the end. */
  holds(port: number, asked: Asked & { allocation?: number } = {}): this {
    this.#rows.push({ allocation: 0, ...PLACE, ...asked, port: numberOf(port) })
    return this
  }

  /** The time at which the table is read. */
  tableAt(seconds: number): this {
    this.#tableAt = seconds
    return this
  }

  /** Returns the kinds of violations that the checker reports. */
  violations(): string[] {
    return this.#inDirectory((directory) => {
      const { found } = check(directory, this.#table())
      return kindsIn(found)
    })
  }

  /** Includes the checks of the events. */
  violationsWithEvents(): string[] {
    const records = {
      rows: this.#rows,
      events: this.#events,
      reservations: this.#reservations,
      reservationEvents: this.#reservationEvents,
    }
    return this.#inDirectory((directory) =>
      kindsIn(check(directory, this.#table(), { records }).found),
    )
  }

  /** Includes the calls of the resolver, for the services that the checker found before. */
  violationsAfterResolving(resolver: (history: History) => void): string[] {
    const unresolved = this.#inDirectory((directory) => findUnresolved(directory, this.#table()))
    resolver(this)
    return this.#inDirectory((directory) =>
      kindsIn(check(directory, this.#table(), { unresolved }).found),
    )
  }

  #table() {
    return { at: this.#tableAt * 1e6, end: this.#tableAt * 1e6 + 1, rows: this.#rows }
  }

  #change(
    op: string,
    times: number[],
    [start, end]: [number, number],
    answer: Answer,
    boundTo: string | undefined,
  ): this {
    const range = { project: 'small', startPort: numberOf(start), endPort: numberOf(end), boundTo }
    return this.#write('changer', { op, ...range }, times, answer)
  }

  #reservation(
    op: string,
    times: number[],
    [start, end]: [number, number],
    answer: Answer,
    scope: Scope,
  ): this {
    const numbers = { startPort: numberOf(start), endPort: numberOf(end), ...scope }
    return this.#write('reserver', { op, ...numbers }, times, answer)
  }

  #leased(
    op: string,
    times: number[],
    [port, id, endsAt = 0]: Leased,
    { lost = false, ...asked }: Asked & { readonly lost?: boolean },
    answer?: Answer,
  ): this {
    const ok = { port: numberOf(port), allocation: String(id), endsAt: endsAt * 1e3 }
    return this.#write('w0', { op, ...PLACE, ...asked }, times, answer ?? { ok, lost })
  }

  #call(op: string, times: number[], answer: number | Answer, asked: Asked, by = 'w0'): this {
    const told = typeof answer === 'number' ? { ok: numberOf(answer) } : answer
    return this.#write(by, { op, ...PLACE, ...asked }, times, told)
  }

  #write(by: string, asked: object, [from, until]: number[], answer?: Answer): this {
    const lines = this.#lines.get(by) ?? []
    this.#lines.set(by, lines)
    const id = lines.filter((line) => line.includes('"at"')).length
    lines.push(JSON.stringify({ id, at: from! * 1e6, ...asked }))
    if (answer) lines.push(JSON.stringify({ id, end: until! * 1e6, ...answer }))
    return this
  }

  #inDirectory<Result>(work: (directory: string) => Result): Result {
    const directory = mkdtempSync(join(tmpdir(), 'ports-history-'))
    try {
      for (const [name, lines] of this.#lines) {
        writeFileSync(join(directory, `${name}.jsonl`), `${lines.join('\n')}\n`)
      }
      writeFileSync(join(directory, 'exits.txt'), this.#exits)
      writeFileSync(join(directory, STUCK), this.#stuck)
      writeFileSync(join(directory, JUMPS), this.#jumps)
      return work(directory)
    } finally {
      rmSync(directory, { recursive: true })
    }
  }
}

/** The reply of an attempt after one without a reply. */
export function repeated(port: number): Answer {
  return { ok: numberOf(port), lost: true }
}

export const UNKNOWN = { error: 'OUTCOME_UNKNOWN' }
export const MISMATCH = { error: 'LAYOUT_MISMATCH' }
export const LEASE_LOST = { error: 'LEASE_LOST' }
export const LIMIT_REACHED = { error: 'LIMIT_REACHED' }
export const EXHAUSTED = { error: 'RANGE_EXHAUSTED' }

function numberOf(port: number): number {
  return 20_000 + port
}

function numbersOf(start: number, end: number): Numbers {
  return { startPort: numberOf(start), endPort: numberOf(end), boundTo: null, proto: null }
}

function itemsOf(layouts: Readonly<Record<string, Layout>>) {
  return Object.entries(layouts).map(([service, layout]) => ({
    service,
    count: 1,
    contiguous: false,
    protocols: ['tcp'],
    ...layout,
  }))
}

function kindsIn(found: Readonly<Record<string, number>>): string[] {
  return Object.keys(found).filter((kind) => found[kind]! > 0)
}
