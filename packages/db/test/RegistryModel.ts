import {
  type AllocateManyOptions,
  type AllocateOptions,
  type BatchEntry,
  type BatchItem,
  BLOCK_SEARCH,
  type Bounds,
  type EnsureManyOptions,
  type GetOptions,
  METADATA_FIELDS,
  type Metadata,
  type MetadataChange,
  type NarrowOptions,
  type PortAllocation,
  type PortEvent,
  type PortRange,
  type PortSummary,
  PortsError,
  type PortsErrorCode,
  type Protocol,
  type Scope,
  type UpdateOptions,
  type Verdict,
} from '@ports/core'
import { pickHeld, placeItems } from './batchModel.js'
import { numbers } from './sessions.js'

/** All of an allocation but its id and times, which no model can foretell. */
type Holding = Omit<PortAllocation, 'id' | 'allocatedAt' | 'lastUsedAt' | 'lastCheckedAt'> & {
  readonly idempotencyKey?: string
}

/** An event without its actor and time. */
export type ModelEvent = Pick<PortEvent, 'what' | 'projectName' | 'before' | 'after'> &
  Partial<Pick<PortEvent, 'serviceName' | 'instance' | 'hostname' | 'protocol' | 'portNumber'>>

/**
 * The registry as one would explain it: a map of ranges, and who holds what, oldest first. Free is
 * what lies in the range and nobody holds. Its methods are those of the real one.
 */
export class RegistryModel {
  /** What was changed, oldest first. */
  readonly events: ModelEvent[] = []
  readonly #ranges = new Map<string, PortRange>()
  #held: Holding[] = []

  getOrAllocate(project: string, service: string, options: GetOptions): number {
    const [oldest] = this.#select(project, service, options)
    if (!oldest) return this.#takeLowest(project, service, options)
    this.#fillIn(oldest, options)
    return oldest.portNumber
  }

  allocate(project: string, service: string, options: AllocateOptions): number {
    const key = options.idempotencyKey
    const known = this.#select(project, service, options).find((it) => it.idempotencyKey === key)
    return key !== undefined && known
      ? known.portNumber
      : this.#takeLowest(project, service, options)
  }

  allocateUpTo(project: string, service: string, scope: Scope, count: number): number[] {
    const free = [...this.free(project, scopeOf(scope))]
    return numbers(1, Math.min(count, free.length)).map(() =>
      this.#takeLowest(project, service, scope),
    )
  }

  ensureBatch(project: string, entries: readonly BatchEntry[], options: EnsureManyOptions) {
    this.#range(project)
    const items = entries.map(({ service: serviceName, ...entry }) => ({
      ...{ serviceName, count: 1, contiguous: false, protocols: ['tcp'] as const },
      ...entry,
    }))
    const held = items.map((item) => this.#heldFor(project, item, options))
    const missing = items.filter((_, nth) => held[nth]!.length === 0)
    const picked = new Map(
      items.map((item, nth) => [item, pickHeld(numbersOfAll(held[nth]!, item), item)]),
    )
    if (items.some((item) => !missing.includes(item) && !picked.get(item))) {
      throw refusal('LAYOUT_MISMATCH')
    }
    const placed = this.#place(project, missing, options)
    return items
      .flatMap((item) => {
        const created = missing.includes(item)
        const given = (created ? placed.get(item)! : picked.get(item)!).toSorted((a, b) => a - b)
        const each = given.flatMap((portNumber) =>
          item.protocols.toSorted().map((protocol) => ({ portNumber, protocol })),
        )
        return each.map(({ portNumber, protocol }) => {
          const asked = { ...options, protocol }
          const [holding] = created
            ? [this.#take(project, item.serviceName, asked, portNumber)]
            : this.#select(project, item.serviceName, { ...asked, portNumber })
          if (!created) this.#fillIn(holding!, options)
          return { holding: holding!, created }
        })
      })
      .map(({ holding: { idempotencyKey: _, ...listed }, created }) => ({ ...listed, created }))
  }

  allocateSeveral(project: string, service: string, options: AllocateManyOptions): number[] {
    const { count, contiguous = false, idempotencyKey: key, ...rest } = options
    const { protocol = 'tcp' } = options
    const item = { serviceName: service, protocols: [protocol], count, contiguous }
    const known = this.#select(project, service, rest).filter(
      (it) =>
        key !== undefined &&
        (it.idempotencyKey === key || it.idempotencyKey?.startsWith(`${key}/`)),
    )
    if (known.length > 0) {
      const picked = pickHeld(
        known.map(({ portNumber }) => portNumber),
        item,
      )
      if (!picked) throw refusal('LAYOUT_MISMATCH')
      for (const holding of known) {
        if (picked.includes(holding.portNumber)) this.#fillIn(holding, rest)
      }
      return picked.toSorted((a, b) => a - b)
    }
    const given = this.#place(project, [item], rest).get(item)!
    for (const [nth, portNumber] of given.entries()) {
      const idempotencyKey = nth === 0 ? key : `${key}/${nth + 1}`
      this.#take(
        project,
        service,
        key === undefined ? rest : { ...rest, idempotencyKey: idempotencyKey! },
        portNumber,
      )
    }
    return [...given]
  }

  releasePorts(project: string, service: string, hostname: string, which: NarrowOptions) {
    const selected = this.#select(project, service, { hostname, ...which })
    this.#held = this.#held.filter((it) => !selected.includes(it))
    for (const holding of selected) this.events.push({ what: 'released', ...placeOf(holding) })
    return selected.toSorted(byPlace).map(({ portNumber, protocol }) => ({ portNumber, protocol }))
  }

  updatePort(project: string, service: string, change: MetadataChange, which: UpdateOptions) {
    const selected = this.#select(project, service, which)
    for (const holding of selected) {
      // Cleared is absent.
      this.#change(
        holding,
        Object.fromEntries(
          Object.entries(change).map(([field, value]) => [field, value ?? undefined]),
        ),
      )
    }
    return selected.length > 0
  }

  recordChecks(projectName: string, serviceName: string, verdict: Verdict): void {
    const checked = this.#heldBy(projectName).filter((it) => it.serviceName === serviceName)
    if (verdict === 'unknown') return
    const status = verdict === 'listening' ? 'in_use' : 'allocated'
    for (const holding of checked) Object.assign(holding, { status })
  }

  listAll() {
    return this.#held.toSorted(byPlace).map(({ idempotencyKey: _, ...listed }) => listed)
  }

  listInPages(_limit: number) {
    return this.listAll()
  }

  listByProject(project: string) {
    this.#range(project)
    return this.listAll().filter((it) => it.projectName === project)
  }

  getProjectSummary(projectName: string, options: Scope): PortSummary {
    const { startPort, endPort } = this.#range(projectName)
    const scope = scopeOf(options)
    const totalPorts = endPort - startPort + 1
    const availablePorts = [...this.free(projectName, scope)].length
    const allocatedPorts = totalPorts - availablePorts
    return {
      ...{ projectName, ...scope, rangeStart: startPort, rangeEnd: endPort },
      ranges: [{ startPort, endPort }],
      ...{ totalPorts, allocatedPorts, availablePorts },
      utilization: Math.round((allocatedPorts / totalPorts) * 10_000) / 100,
    }
  }

  listRanges(): PortRange[] {
    return [...this.#ranges.values()].sort((a, b) => a.startPort - b.startPort)
  }

  createRange(wanted: PortRange | { projectName: string; size: number }): PortRange {
    if (this.#ranges.has(wanted.projectName)) throw refusal('RANGE_OVERLAP')
    const range = 'size' in wanted ? this.#nextBlock(wanted.projectName, wanted.size) : wanted
    if (this.#isTaken(range)) throw refusal('RANGE_OVERLAP')
    this.#ranges.set(range.projectName, range)
    this.#noteRange('range-created', range.projectName, undefined, range)
    return range
  }

  resizeRange(projectName: string, bounds: { startPort: number; endPort: number }): PortRange {
    const before = this.#range(projectName)
    const range = { ...before, ...bounds }
    if (this.#isTaken(range)) throw refusal('RANGE_OVERLAP')
    if (this.#heldBy(projectName).some((it) => !isIn(range, it.portNumber))) {
      throw refusal('RANGE_IN_USE')
    }
    this.#ranges.set(projectName, range)
    if (range.startPort !== before.startPort || range.endPort !== before.endPort) {
      this.#noteRange('range-resized', projectName, before, range)
    }
    return range
  }

  deleteRange(projectName: string): void {
    const before = this.#range(projectName)
    if (this.#heldBy(projectName).length > 0) throw refusal('RANGE_IN_USE')
    this.#ranges.delete(projectName)
    this.#noteRange('range-deleted', projectName, before, undefined)
  }

  /** The numbers that are free in one scope, lowest first. */
  *free(projectName: string, { hostname, protocol }: Scope): Generator<number> {
    const { startPort, endPort } = this.#range(projectName)
    const inScope = this.#held.filter((it) => it.hostname === hostname && it.protocol === protocol)
    const held = new Set(inScope.map((it) => it.portNumber))
    for (let number = startPort; number <= endPort; number++) if (!held.has(number)) yield number
  }

  #takeLowest(projectName: string, serviceName: string, options: AllocateOptions): number {
    const [portNumber] = this.free(projectName, scopeOf(options))
    if (portNumber === undefined) throw refusal('RANGE_EXHAUSTED')
    return this.#take(projectName, serviceName, options, portNumber).portNumber
  }

  #take(
    projectName: string,
    serviceName: string,
    options: AllocateOptions,
    portNumber: number,
  ): Holding {
    const scope = scopeOf(options)
    const { instance = '' } = options
    const holder = { projectName, serviceName, instance, portNumber, status: 'allocated' } as const
    const holding = { ...options, ...scope, ...holder }
    this.#held.push(holding)
    this.events.push({ what: 'allocated', ...placeOf(holding), after: metadataOf(holding) })
    return holding
  }

  #place(projectName: string, items: readonly BatchItem[], options: Partial<Scope>) {
    const { hostname } = scopeOf(options)
    const free = {
      tcp: [...this.free(projectName, { hostname, protocol: 'tcp' })],
      udp: [...this.free(projectName, { hostname, protocol: 'udp' })],
    }
    const placed = placeItems(items, free)
    if (!placed) throw refusal('RANGE_EXHAUSTED')
    return placed
  }

  #heldFor(project: string, { serviceName, protocols }: BatchItem, options: EnsureManyOptions) {
    return this.#select(project, serviceName, options).filter((it) =>
      protocols.includes(it.protocol),
    )
  }

  #fillIn(holding: Holding, more: Metadata): void {
    const { serviceType, description, cloudflareHostname } = holding
    this.#change(holding, {
      serviceType: serviceType ?? more.serviceType,
      description: description ?? more.description,
      cloudflareHostname: cloudflareHostname ?? more.cloudflareHostname,
    } satisfies Metadata)
  }

  #select(projectName: string, serviceName: string, which: UpdateOptions): Holding[] {
    const { hostname } = scopeOf(which)
    const { instance = '', protocol, portNumber } = which
    return this.#heldBy(projectName)
      .filter((it) => it.serviceName === serviceName && it.instance === instance)
      .filter((it) => it.hostname === hostname)
      .filter((it) => protocol === undefined || it.protocol === protocol)
      .filter((it) => portNumber === undefined || it.portNumber === portNumber)
  }

  #change(holding: Holding, change: Metadata): void {
    const before = metadataOf(holding)
    Object.assign(holding, change)
    const after = metadataOf(holding)
    if (METADATA_FIELDS.every((field) => before?.[field] === after?.[field])) return
    this.events.push({ what: 'updated', ...placeOf(holding), before, after })
  }

  #noteRange(
    what: ModelEvent['what'],
    projectName: string,
    before: Bounds | undefined,
    after: Bounds | undefined,
  ): void {
    this.events.push({ what, projectName, before: boundsOf(before), after: boundsOf(after) })
  }

  #heldBy(projectName: string): Holding[] {
    this.#range(projectName)
    return this.#held.filter((it) => it.projectName === projectName)
  }

  #range(projectName: string): PortRange {
    const range = this.#ranges.get(projectName)
    if (!range) throw refusal('PROJECT_NOT_FOUND')
    return range
  }

  #nextBlock(projectName: string, size: number): PortRange {
    const blocks = numbers(1, Math.floor((BLOCK_SEARCH.endPort + 1) / size) - 1)
      .map((nth) => ({ projectName, startPort: nth * size, endPort: nth * size + size - 1 }))
      .filter(({ startPort }) => startPort >= BLOCK_SEARCH.startPort)
    const free = blocks.find((block) => !this.#overlaps(block).length)
    if (!free) throw refusal('RANGE_EXHAUSTED')
    return free
  }

  #isTaken(wanted: PortRange): boolean {
    return this.#overlaps(wanted).some((it) => it.projectName !== wanted.projectName)
  }

  #overlaps({ startPort, endPort }: PortRange): PortRange[] {
    return this.listRanges().filter((it) => it.startPort <= endPort && startPort <= it.endPort)
  }
}

/** The numbers that are held for all protocols of the item, as those of the first came. */
function numbersOfAll(held: readonly Holding[], { protocols }: BatchItem): number[] {
  const [first, ...others] = protocols.toSorted()
  const of = (protocol: Protocol | undefined) =>
    held.filter((it) => it.protocol === protocol).map(({ portNumber }) => portNumber)
  return of(first).filter((port) => others.every((protocol) => of(protocol).includes(port)))
}

/** Without a protocol the default one, where a method has a default. */
function scopeOf({ hostname = 'localhost', protocol = 'tcp' }: Partial<Scope>): Scope {
  const name = hostname.toLowerCase()
  // Two spellings of a host are one scope.
  return { hostname: name === '127.0.0.1' ? 'localhost' : name, protocol }
}

/** Absent where there is none. */
function metadataOf(holding: Holding): Metadata | undefined {
  const fields = METADATA_FIELDS.filter((field) => holding[field] !== undefined)
  if (fields.length === 0) return undefined
  return Object.fromEntries(fields.map((field) => [field, holding[field]]))
}

function placeOf({ projectName, serviceName, instance, hostname, protocol, portNumber }: Holding) {
  return { projectName, serviceName, instance, hostname, protocol, portNumber }
}

function boundsOf(bounds: Bounds | undefined): Record<keyof Bounds, number> | undefined {
  return bounds && { startPort: bounds.startPort, endPort: bounds.endPort }
}

function isIn({ startPort, endPort }: PortRange, number: number): boolean {
  return startPort <= number && number <= endPort
}

/** The order of listings. */
function byPlace(a: Holding, b: Holding): number {
  const [placeA, placeB] = [a, b].map((it) => `${it.hostname} ${it.protocol}`)
  return a.portNumber - b.portNumber || (placeA! < placeB! ? -1 : 1)
}

function refusal(code: PortsErrorCode): PortsError {
  return new PortsError(code, code)
}
