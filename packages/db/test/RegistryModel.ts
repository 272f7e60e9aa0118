import {
  type AllocateManyOptions,
  type AllocateOptions,
  type BatchEntry,
  type BatchItem,
  BLOCK_SEARCH,
  type Bounds,
  type ClaimOptions,
  type EnsureManyOptions,
  type EnsureOptions,
  type LeaseOption,
  METADATA_FIELDS,
  type Metadata,
  type MetadataChange,
  type MoveOptions,
  type NarrowOptions,
  type PortAllocation,
  type PortEvent,
  type PortRange,
  type PortSummary,
  PortsError,
  type PortsErrorCode,
  type Protocol,
  type RangeChoice,
  type ReservationScope,
  type ReservedNumbers,
  type Scope,
  type ServiceKey,
  type UpdateOptions,
  type Verdict,
} from '@ports/core'
import { pickHeld, placeItems } from './batchModel.js'
import { numbers } from './sessions.js'

/** An allocation without its id and times, which the model cannot predict. */
type Holding = Omit<
  PortAllocation,
  'id' | 'allocatedAt' | 'lastUsedAt' | 'lastCheckedAt' | 'leaseEndsAt'
> & {
  readonly idempotencyKey?: string
  /** When its lease ends, by the clock of the model. */
  readonly endsAt?: number
}

/** A number that only its last holder can get until then. */
interface Resting extends ServiceKey {
  readonly portNumber: number
  readonly endsAt: number
}

type Reserved = ReservedNumbers & { readonly reason: string }

/** An event without its actor and time. */
export type ModelEvent = Pick<PortEvent, 'what' | 'projectName' | 'before' | 'after'> &
  Partial<Pick<PortEvent, 'serviceName' | 'instance' | 'hostname' | 'protocol' | 'portNumber'>>

/**
 * A simple registry: ranges, and the held numbers in the order in which a service gets them, which
 * is the one claimed last, then the oldest. A number is free if it is in the ranges of a project on a
 * host and no service holds it. A free number that is reserved is given only to calls that ask for
 * reserved numbers. It has the methods of the real registry.
 */
export class RegistryModel {
  /** The changes, oldest first. */
  readonly events: ModelEvent[] = []
  /** In no order. */
  #ranges: PortRange[] = []
  #held: Holding[] = []
  /** In no order. */
  #reserved: Reserved[] = []
  /** In no order. */
  #resting: Resting[] = []
  /** Seconds, by project. */
  readonly #rests = new Map<string, number>()
  /** The clock, in seconds. */
  #now = 0

  getOrAllocate(project: string, service: string, options: EnsureOptions): number {
    const { preferredPort, ...rest } = options
    const [first] = this.#select(project, service, rest)
    if (first) {
      this.#renew([first], rest)
      this.#fillIn(first, rest)
      return first.portNumber
    }
    const free = [...this.allocatable(project, keyOf(project, service, rest))]
    return preferredPort !== undefined && free.includes(preferredPort)
      ? this.#take(project, service, rest, preferredPort).portNumber
      : this.#takeLowest(project, service, rest)
  }

  /** The number, and whether the service got it now. */
  claimPort(project: string, service: string, portNumber: number, claimed: ClaimOptions) {
    const { useReservation, ...options } = claimed
    const held = this.#select(project, service, options)
    const own = held.find((it) => it.portNumber === portNumber)
    if (!own) {
      this.#refuseNumber(project, service, portNumber, claimed)
      this.#putFirst(this.#take(project, service, options, portNumber))
      return [portNumber, true]
    }
    this.#renew([own], options)
    if (own !== held[0]) {
      this.#putFirst(own)
      this.events.push({ what: 'claimed', ...placeOf(own) })
    }
    this.#fillIn(own, options)
    return [portNumber, false]
  }

  allocate(project: string, service: string, options: AllocateOptions): number {
    const key = options.idempotencyKey
    const known = this.#select(project, service, options).find((it) => it.idempotencyKey === key)
    return key !== undefined && known
      ? known.portNumber
      : this.#takeLowest(project, service, options)
  }

  allocateUpTo(project: string, service: string, scope: Scope, count: number): number[] {
    const free = [...this.allocatable(project, keyOf(project, service, scope))]
    return numbers(1, Math.min(count, free.length)).map(() =>
      this.#takeLowest(project, service, scope),
    )
  }

  ensureBatch(project: string, entries: readonly BatchEntry[], options: EnsureManyOptions) {
    this.#rangesOf(project)
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
    this.#renew(
      items.flatMap((item, nth) =>
        held[nth]!.filter((it) => picked.get(item)?.includes(it.portNumber)),
      ),
      options,
    )
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
      .map(({ holding, created }) => ({ ...this.#listed(holding), created }))
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
      this.#renew(
        known.filter((it) => picked.includes(it.portNumber)),
        rest,
      )
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
    for (const holding of selected) this.#letRest(holding, this.#now)
    for (const holding of selected) this.events.push({ what: 'released', ...placeOf(holding) })
    return selected.toSorted(byPlace).map(({ portNumber, protocol }) => ({ portNumber, protocol }))
  }

  /** The leases, as they are then. */
  renewLeases(project: string, service: string, ttlSeconds: number, which: UpdateOptions) {
    const selected = this.#select(project, service, which)
    const leases = selected.filter((it) => it.endsAt !== undefined)
    if (leases.length === 0) throw refusal(selected.length ? 'INVALID_ARGUMENT' : 'LEASE_LOST')
    this.#renew(leases, { ttlSeconds })
    return leases.toSorted(byPlace).map(({ portNumber, protocol }) => ({
      ...{ portNumber, protocol },
      secondsLeft: ttlSeconds,
    }))
  }

  /** How long the project's numbers rested before. */
  restFor(projectName: string, seconds: number): number {
    this.#rangesOf(projectName)
    const before = this.#restOf(projectName)
    this.#rests.set(projectName, seconds)
    this.#resting = this.#resting.map((it) =>
      it.projectName === projectName ? { ...it, endsAt: it.endsAt + seconds - before } : it,
    )
    this.letTimePass(0)
    if (before !== seconds) {
      const [was, is] = [{ restSeconds: before }, { restSeconds: seconds }]
      this.events.push({ what: 'rest-changed', projectName, before: was, after: is })
    }
    return before
  }

  letTimePass(seconds: number): void {
    this.#now += seconds
    const ended = this.#held.filter(({ endsAt = Infinity }) => endsAt <= this.#now)
    this.#held = this.#held.filter((it) => !ended.includes(it))
    for (const holding of ended) {
      this.#letRest(holding, holding.endsAt!)
      this.events.push({ what: 'lease-ended', ...placeOf(holding) })
    }
    this.#resting = this.#resting.filter(({ endsAt }) => endsAt > this.#now)
  }

  /** The number that it gave up and whether it did so now, or nothing if it holds none of them. */
  movePort(project: string, service: string, portNumber: number, options: MoveOptions) {
    const { from, useReservation: _, ...rest } = options
    const all = this.#select(project, service, rest)
    const before =
      from === undefined
        ? all[0]
        : (all.find((it) => it.portNumber === from) ??
          all.find((it) => it.portNumber === portNumber))
    if (!before) return undefined
    if (before.portNumber === portNumber) return [portNumber, false]
    this.#refuseNumber(project, service, portNumber, options)
    const after: Holding = { ...before, portNumber, status: 'allocated' }
    this.#held = this.#held.map((it) => (it === before ? after : it))
    this.#rouse(after)
    this.#letRest(before, this.#now)
    this.events.push({ what: 'released', ...placeOf(before) })
    this.events.push({ what: 'allocated', ...placeOf(after), after: contentOf(after) })
    return [before.portNumber, true]
  }

  /** The live allocations of the numbers. */
  reserveNumbers({ startPort, endPort }: Bounds, reason: string, scope: ReservationScope) {
    const wanted: Reserved = { startPort, endPort, reason, ...hostOf(scope) }
    const before = this.#reserved.find((it) => sameNumbers(it, wanted))
    if (before?.reason !== reason) {
      this.#reserved = [...this.#reserved.filter((it) => it !== before), wanted]
      this.#noteReservation('reserved', before, wanted)
    }
    return this.listAll().filter((it) => covers(wanted, it, it.portNumber))
  }

  /** How many it removed. */
  unreserveNumbers({ startPort, endPort }: Bounds, scope: ReservationScope): number {
    const { hostname, protocol } = hostOf(scope)
    const removed = this.#reserved.filter(
      (it) =>
        it.startPort === startPort &&
        it.endPort === endPort &&
        (hostname === undefined || it.hostname === hostname) &&
        (protocol === undefined || it.protocol === protocol),
    )
    this.#reserved = this.#reserved.filter((it) => !removed.includes(it))
    for (const each of removed) this.#noteReservation('unreserved', each, undefined)
    return removed.length
  }

  /** Of those that begin there. */
  letReservationsEnd(startPort: number): void {
    this.#reserved = this.#reserved.filter((it) => it.startPort !== startPort)
  }

  countReservations(): number {
    return this.#reserved.length
  }

  updatePort(project: string, service: string, change: MetadataChange, which: UpdateOptions) {
    const selected = this.#select(project, service, which)
    for (const holding of selected) {
      // A field that was cleared is absent.
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
    return this.#held.toSorted(byPlace).map((it) => this.#listed(it))
  }

  restingNow() {
    return this.#resting.toSorted(byPlace).map(({ endsAt, ...resting }) => ({
      ...resting,
      secondsLeft: endsAt - this.#now,
    }))
  }

  listInPages(_limit: number) {
    return this.listAll()
  }

  listByProject(project: string) {
    this.#rangesOf(project)
    return this.listAll().filter((it) => it.projectName === project)
  }

  getProjectSummary(projectName: string, options: Scope): PortSummary {
    const scope = scopeOf(options)
    const seen = this.#seenRanges(projectName, scope.hostname)
    if (seen.length === 0) throw refusal('RANGE_EXHAUSTED')
    const ranges = seen.map(({ startPort, endPort }) => ({ startPort, endPort }))
    const totalPorts = seen.reduce((sum, it) => sum + it.endPort - it.startPort + 1, 0)
    const available = [...this.free(projectName, scope)]
    const availablePorts = available.length
    const reservedPorts = available.filter((it) => this.#isReserved(scope, it)).length
    const restingPorts = available.filter((it) => this.#restingAt(scope, it)).length
    const allocatableNow = [...this.allocatable(projectName, scope)].length
    const allocatedPorts = totalPorts - availablePorts
    return {
      ...{ projectName, ...scope, ranges },
      ...{ rangeStart: seen[0]!.startPort, rangeEnd: seen.at(-1)!.endPort },
      ...{ totalPorts, allocatedPorts, availablePorts },
      ...{ reservedPorts, restingPorts, unusablePorts: 0, allocatableNow },
      restSeconds: this.#restOf(projectName),
      utilization: Math.round((allocatedPorts / totalPorts) * 10_000) / 100,
    }
  }

  listRanges(): PortRange[] {
    return this.#ranges.toSorted(byStart)
  }

  createRange(wanted: PortRange | { projectName: string; size: number }): PortRange {
    const { projectName } = wanted
    if (this.#ranges.some((it) => it.projectName === projectName)) throw refusal('RANGE_OVERLAP')
    return this.#add('size' in wanted ? this.#nextBlock(projectName, wanted.size) : wanted)
  }

  addRange(projectName: string, range: Bounds & { hostname?: string }): PortRange {
    return this.#add({ projectName, ...range })
  }

  resizeRange(projectName: string, bounds: Bounds, { from }: RangeChoice): PortRange {
    const before = this.#onlyRange(projectName, from)
    const range = { ...before, ...bounds }
    if (this.#overlaps(range).some((it) => it !== before)) throw refusal('RANGE_OVERLAP')
    this.#replace(projectName, before, [range])
    if (range.startPort !== before.startPort || range.endPort !== before.endPort) {
      this.#noteRange('range-resized', projectName, before, range)
    }
    return range
  }

  removeRange(projectName: string, startPort: number): PortRange {
    const before = this.#onlyRange(projectName, startPort)
    this.#replace(projectName, before, [])
    this.#noteRange('range-deleted', projectName, before, undefined)
    return before
  }

  deleteRange(projectName: string): void {
    const before = this.#rangesOf(projectName)
    if (this.#heldBy(projectName).length > 0) throw refusal('RANGE_IN_USE')
    this.#ranges = this.#ranges.filter((it) => it.projectName !== projectName)
    this.#resting = this.#resting.filter((it) => it.projectName !== projectName)
    for (const range of before) this.#noteRange('range-deleted', projectName, range, undefined)
  }

  /** The numbers that are free in one scope, lowest first. */
  *free(projectName: string, { hostname, protocol }: Scope): Generator<number> {
    const inScope = this.#held.filter((it) => it.hostname === hostname && it.protocol === protocol)
    const held = new Set(inScope.map((it) => it.portNumber))
    for (const { startPort, endPort } of this.#seenRanges(projectName, hostname)) {
      for (let number = startPort; number <= endPort; number++) if (!held.has(number)) yield number
    }
  }

  /**
   * The free numbers that are not reserved, lowest first. Resting numbers are included only if they
   * rest for the service.
   */
  *allocatable(projectName: string, scope: Scope | ServiceKey): Generator<number> {
    for (const number of this.free(projectName, scope)) {
      const resting = this.#restingAt(scope, number)
      const isOwn = resting !== undefined && 'serviceName' in scope && isFor(resting, scope)
      if (!this.#isReserved(scope, number) && (!resting || isOwn)) yield number
    }
  }

  #restingAt({ hostname, protocol }: Scope, number: number): Resting | undefined {
    return this.#resting.find(
      (it) => it.hostname === hostname && it.protocol === protocol && it.portNumber === number,
    )
  }

  #restOf(projectName: string): number {
    return this.#rests.get(projectName) ?? 0
  }

  /** From then on, unless that is over. */
  #letRest(holding: Holding, from: number): void {
    const endsAt = from + this.#restOf(holding.projectName)
    if (endsAt > this.#now) this.#resting.push({ ...placeOf(holding), endsAt })
  }

  /** The number is held again. */
  #rouse({ hostname, protocol, portNumber }: Holding): void {
    this.#resting = this.#resting.filter(
      (it) => it.hostname !== hostname || it.protocol !== protocol || it.portNumber !== portNumber,
    )
  }

  #renew(holdings: readonly Holding[], { ttlSeconds }: LeaseOption): void {
    if (ttlSeconds === undefined) return
    if (holdings.some((it) => it.endsAt === undefined)) throw refusal('INVALID_ARGUMENT')
    for (const holding of holdings) Object.assign(holding, this.#endOf({ ttlSeconds }))
  }

  #endOf({ ttlSeconds }: LeaseOption): Pick<Holding, 'endsAt'> {
    return ttlSeconds === undefined ? {} : { endsAt: this.#now + ttlSeconds }
  }

  #listed({ idempotencyKey: _, endsAt, ...listed }: Holding) {
    return { ...listed, ...(endsAt !== undefined && { secondsLeft: endsAt - this.#now }) }
  }

  #isReserved(scope: Scope, number: number): boolean {
    return this.#reserved.some((it) => covers(it, scope, number))
  }

  /** Refuses a number that the project cannot take in that scope. */
  #refuseNumber(project: string, service: string, number: number, options: ClaimOptions): void {
    const scope = keyOf(project, service, options)
    const resting = this.#restingAt(scope, number)
    if (!this.#seenRanges(project, scope.hostname).some((range) => isIn(range, number))) {
      throw refusal('PORT_OUT_OF_RANGE')
    }
    if (![...this.free(project, scope)].includes(number)) throw refusal('PORT_TAKEN')
    if (resting && !isFor(resting, scope)) throw refusal('PORT_TAKEN')
    if (!options.useReservation && this.#isReserved(scope, number)) throw refusal('PORT_RESERVED')
  }

  #noteReservation(
    what: ModelEvent['what'],
    before: Reserved | undefined,
    after: Reserved | undefined,
  ): void {
    const content = (it: Reserved | undefined) =>
      it && { startPort: it.startPort, endPort: it.endPort, reason: it.reason }
    const scope = hostOf(after ?? before!)
    this.events.push({ what, ...scope, before: content(before), after: content(after) })
  }

  #takeLowest(projectName: string, serviceName: string, options: AllocateOptions): number {
    const key = keyOf(projectName, serviceName, options)
    const possible = [...this.allocatable(projectName, key)]
    const portNumber = possible.find((it) => this.#restingAt(key, it)) ?? possible[0]
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
    const { instance = '', ttlSeconds, ...rest } = options
    const holder = { projectName, serviceName, instance, portNumber, status: 'allocated' } as const
    const holding = { ...rest, ...scope, ...holder, ...this.#endOf(options) }
    this.#held.push(holding)
    this.#rouse(holding)
    this.events.push({ what: 'allocated', ...placeOf(holding), after: contentOf(holding) })
    return holding
  }

  #place(projectName: string, items: readonly BatchItem[], options: Partial<Scope>) {
    const { hostname } = scopeOf(options)
    const free = {
      tcp: [...this.allocatable(projectName, { hostname, protocol: 'tcp' })],
      udp: [...this.allocatable(projectName, { hostname, protocol: 'udp' })],
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
    before: PortRange | undefined,
    after: PortRange | undefined,
  ): void {
    this.events.push({ what, projectName, before: boundsOf(before), after: boundsOf(after) })
  }

  #putFirst(holding: Holding): void {
    this.#held = [holding, ...this.#held.filter((it) => it !== holding)]
  }

  #heldBy(projectName: string): Holding[] {
    this.#rangesOf(projectName)
    return this.#held.filter((it) => it.projectName === projectName)
  }

  #rangesOf(projectName: string): PortRange[] {
    const ranges = this.listRanges().filter((it) => it.projectName === projectName)
    if (ranges.length === 0) throw refusal('PROJECT_NOT_FOUND')
    return ranges
  }

  #seenRanges(projectName: string, hostname: string): PortRange[] {
    return this.#rangesOf(projectName).filter((it) => (it.hostname ?? hostname) === hostname)
  }

  #onlyRange(projectName: string, from: number | undefined): PortRange {
    const meant = this.#rangesOf(projectName).filter(
      (it) => it.startPort === (from ?? it.startPort),
    )
    if (meant.length !== 1) throw refusal('INVALID_ARGUMENT')
    return meant[0]!
  }

  #add(range: PortRange): PortRange {
    if (this.#overlaps(range).length > 0) throw refusal('RANGE_OVERLAP')
    this.#ranges.push(range)
    this.#noteRange('range-created', range.projectName, undefined, range)
    return range
  }

  /** Refuses to leave a held number outside. */
  #replace(projectName: string, before: PortRange, after: readonly PortRange[]): void {
    const left = [...this.#rangesOf(projectName).filter((it) => it !== before), ...after]
    const isInside = ({ hostname, portNumber }: Pick<Resting, 'hostname' | 'portNumber'>) =>
      left.some((range) => (range.hostname ?? hostname) === hostname && isIn(range, portNumber))
    if (!this.#heldBy(projectName).every(isInside)) throw refusal('RANGE_IN_USE')
    this.#ranges = [...this.#ranges.filter((it) => it !== before), ...after]
    this.#resting = this.#resting.filter((it) => it.projectName !== projectName || isInside(it))
  }

  #nextBlock(projectName: string, size: number): PortRange {
    const blocks = numbers(1, Math.floor((BLOCK_SEARCH.endPort + 1) / size) - 1)
      .map((nth) => ({ projectName, startPort: nth * size, endPort: nth * size + size - 1 }))
      .filter(({ startPort }) => startPort >= BLOCK_SEARCH.startPort)
    const free = blocks.find((block) => !this.#overlaps(block).length)
    if (!free) throw refusal('RANGE_EXHAUSTED')
    return free
  }

  #overlaps({ startPort, endPort, hostname }: PortRange): PortRange[] {
    return this.#ranges.filter(
      (it) =>
        it.startPort <= endPort &&
        startPort <= it.endPort &&
        (it.hostname ?? hostname) === (hostname ?? it.hostname),
    )
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

function keyOf(
  projectName: string,
  serviceName: string,
  options: Partial<Scope> & { readonly instance?: string },
): ServiceKey {
  return { projectName, serviceName, instance: options.instance ?? '', ...scopeOf(options) }
}

/** Whether it rests for the service. */
function isFor(resting: Resting, service: ServiceKey): boolean {
  return (['projectName', 'serviceName', 'instance'] as const).every(
    (field) => resting[field] === service[field],
  )
}

/** Only what the reservation is limited to. */
function hostOf({ hostname, protocol }: ReservationScope): ReservationScope {
  return {
    ...(hostname !== undefined && { hostname: scopeOf({ hostname }).hostname }),
    ...(protocol !== undefined && { protocol }),
  }
}

function sameNumbers(a: ReservedNumbers, b: ReservedNumbers): boolean {
  return (['startPort', 'endPort', 'hostname', 'protocol'] as const).every(
    (field) => a[field] === b[field],
  )
}

function covers(reserved: ReservedNumbers, scope: Scope, number: number): boolean {
  return (
    isIn(reserved, number) &&
    (reserved.hostname ?? scope.hostname) === scope.hostname &&
    (reserved.protocol ?? scope.protocol) === scope.protocol
  )
}

/** Absent where there is none. */
/** What the event of its allocation tells. */
function contentOf(holding: Holding): ModelEvent['after'] {
  const { endsAt } = holding
  const metadata = metadataOf(holding)
  return endsAt === undefined ? metadata : { ...metadata, leaseEndsAt: endsAt }
}

function metadataOf(holding: Holding): Metadata | undefined {
  const fields = METADATA_FIELDS.filter((field) => holding[field] !== undefined)
  if (fields.length === 0) return undefined
  return Object.fromEntries(fields.map((field) => [field, holding[field]]))
}

function placeOf({ projectName, serviceName, instance, hostname, protocol, portNumber }: Holding) {
  return { projectName, serviceName, instance, hostname, protocol, portNumber }
}

function boundsOf(range: PortRange | undefined) {
  if (!range) return undefined
  const { projectName: _, ...bounds } = range
  return { ...bounds }
}

/** The order of ranges: one that is bound to no host comes first. */
function byStart(a: PortRange, b: PortRange): number {
  return a.startPort - b.startPort || ((a.hostname ?? '') < (b.hostname ?? '') ? -1 : 1)
}

function isIn({ startPort, endPort }: Bounds, number: number): boolean {
  return startPort <= number && number <= endPort
}

/** The order of listings. */
function byPlace<Placed extends Scope & { readonly portNumber: number }>(a: Placed, b: Placed) {
  const [placeA, placeB] = [a, b].map((it) => `${it.hostname} ${it.protocol}`)
  return a.portNumber - b.portNumber || (placeA! < placeB! ? -1 : 1)
}

function refusal(code: PortsErrorCode): PortsError {
  return new PortsError(code, code)
}
