import type {
  KnownHost,
  Neighbourhood,
  RenewedLease,
  RestingPort,
  Selection,
} from './AllocationStore.js'
import { given } from './absent.js'
import { actorHere, configuredActor, validActor } from './actor.js'
import { allocatedNow, allocationOf } from './allocation/allocationOf.js'
import {
  type BatchEntry,
  type EnsureManyResult,
  ensureMany,
  refuseMisplaced,
  validItems,
  validLayout,
} from './allocation/ensureMany.js'
import { type EnsureResult, ensurePort } from './allocation/ensurePort.js'
import { findHeld } from './allocation/findHeld.js'
import { sameCloudflareHostname, sharing } from './allocation/sameCloudflareHostname.js'
import type { AuditResult } from './audit/Audit.js'
import { type AuditOptions, auditPorts } from './audit/auditPorts.js'
import type { Layout } from './BatchStore.js'
import type { CallOptions, GivingOptions, Limits, WriteOptions } from './CallOptions.js'
import type { Checkout, EnsuredCheckout } from './CheckoutStore.js'
import {
  type CheckoutOfDirectory,
  checkoutRequest,
  validDirectory,
} from './checkout/checkoutRequest.js'
import { recordCheckout } from './checkout/recordCheckout.js'
import { readContainers } from './containers/readContainers.js'
import { seePublished } from './containers/seePublished.js'
import { cursorAfter, eventCursorAfter, parseCursor, parseEventCursor } from './cursors.js'
import { cannotCombine, invalidArgument, unverifiable } from './errors.js'
import type { Explanation } from './explain/Explanation.js'
import { explainPort } from './explain/explainPort.js'
import { type CheckedPort, type CheckListOptions, MAX_CHECKS } from './health/Health.js'
import { listChecks } from './health/listChecks.js'
import { validPublicHostname } from './hostname.js'
import { validInstance } from './instance.js'
import type { Limit, LimitState, LimitSubject } from './LimitStore.js'
import { leaseOf, validRest, validTtl } from './lease/requests.js'
import { validLimits, validSubject } from './limit/requests.js'
import {
  type CheckOptions,
  checkLocal,
  checkRemote,
  validTimeout,
} from './listeners/checkListener.js'
import type { Endpoint } from './listeners/Listeners.js'
import { mayStartServicesOf, seesServicesOf } from './listeners/network.js'
import { readListeners } from './listeners/readListeners.js'
import {
  type PortSighting,
  type Sighting,
  unknownBecause,
  type Verdict,
} from './listeners/Sighting.js'
import { LocalHost } from './localHost.js'
import { validChange, validMetadata } from './metadata.js'
import { validName } from './name.js'
import type {
  AllocateManyOptions,
  AllocateOptions,
  AllocationPage,
  ClaimOptions,
  ClaimResult,
  EnsureManyOptions,
  EnsureOptions,
  GetOptions,
  HistoryOptions,
  HistoryPage,
  ImportOptions,
  InstanceOption,
  ListOptions,
  MoveOptions,
  MoveResult,
  NeighbourhoodOptions,
  PageOptions,
  PortManagerOptions,
  ReleaseOptions,
  RenewOptions,
  ReserveResult,
  ResizeOptions,
  UpdateOptions,
} from './options.js'
import type {
  MetadataChange,
  PortAllocation,
  Protocol,
  ReleasedPort,
  Scope,
  Service,
  ServiceKey,
} from './PortAllocation.js'
import { type Bounds, DEFAULT_RANGE_SIZE, type PortRange, type PortSummary } from './PortRange.js'
import type { PortRepository } from './PortRepository.js'
import { PassedOver } from './passedOver/PassedOver.js'
import { PassedOverReader } from './passedOver/PassedOverReader.js'
import { passedOverOnAnotherHost } from './passedOver/passedOverOnHost.js'
import {
  callPassOver,
  configuredPassOver,
  type PassOverOption,
  validPassOver,
} from './passedOver/passOver.js'
import type { PortUse } from './processes/listeningProcesses.js'
import { PortUseReader } from './processes/PortUseReader.js'
import { MAX_PID, recordOf } from './processes/recordOf.js'
import { instanceOfEnvironment } from './project/instanceOfEnvironment.js'
import type { EnsuredRange, RangeChoice } from './RangeStore.js'
import { type RepositoryOpener, RepositorySource } from './RepositorySource.js'
import type { Reservation, ReservationScope } from './ReservationStore.js'
import { COMMON_DEFAULT_PORTS } from './range/commonDefaultPorts.js'
import {
  type NewRange,
  type NewRangeNumbers,
  validAddedRange,
  validBlock,
  validBounds,
  validNewRange,
} from './range/requests.js'
import { summarizeProject } from './range/summarizeProject.js'
import { repeatBusy, repeatIdempotent } from './repeat.js'
import { heldOf } from './reservation/heldOf.js'
import {
  type ReserveOptions,
  usingReservation,
  validReservation,
  validReservedNumbers,
} from './reservation/requests.js'
import type { Holding } from './TransferStore.js'
import {
  type ImportReport,
  type ImportRow,
  importPorts,
  validRows,
} from './transfer/importPorts.js'
import { DOCUMENT_VERSION, type RegistryDocument } from './transfer/RegistryDocument.js'
import { validDocument } from './transfer/validDocument.js'
import {
  MAX_LENGTH,
  validCount,
  validDate,
  validId,
  validIds,
  validObject,
  validPort,
  validProtocol,
  validText,
} from './validate.js'

/**
 * The registry of ports. An optional argument that is `null`, or `''` for text, counts as not
 * given. One signal may serve any number of calls at once. Every method rejects with a
 * `PortsError`: `INVALID_ARGUMENT` before the store is asked anything, `PROJECT_NOT_FOUND` for a
 * project without a range, and the errors of the store (`DATABASE_UNAVAILABLE`, `OUTCOME_UNKNOWN`,
 * `BUSY`, `DATABASE_NOT_MIGRATED`).
 */
export class PortManager {
  readonly #source: RepositorySource
  readonly #localHost: LocalHost
  readonly #ownerUid: number | undefined
  readonly #instance: (projectName: string) => string | undefined
  readonly #actor: string | undefined
  readonly #passOver: 'none' | undefined
  readonly #limits: Limits | undefined
  readonly #rangeSize: number
  // All calls share these two and their results. A call's signal ends only its own wait.
  readonly #passedOver = new PassedOverReader(() => this.#maySeeServices())
  readonly #portUse = new PortUseReader(() => this.#maySeeServices())

  /**
   * @param source the store, or an opener that is used by the first call that needs the store
   * @throws {PortsError} `INVALID_ARGUMENT`
   */
  constructor(source: PortRepository | RepositoryOpener, options: PortManagerOptions = {}) {
    const { hostname, ownerUid, instance, actor, passOver, limits } = given(options)
    const expected = 'an object with the methods of a repository or an opener'
    const { defaults = {} } = validObject('source', source, expected)
    this.#source = new RepositorySource(source)
    this.#ownerUid = ownerUid
    const named = instance === undefined ? undefined : validInstance('instance', instance)
    this.#instance = named === undefined ? instanceOfEnvironment() : () => named
    this.#actor =
      actor === undefined ? (configuredActor() ?? defaults.actor) : validActor('actor', actor)
    this.#passOver =
      passOver === undefined ? configuredPassOver() : validPassOver('passOver', passOver)
    this.#limits = limits === undefined ? undefined : validLimits(limits, 'limits.')
    this.#localHost =
      hostname === undefined
        ? new LocalHost(process.env.PORTS_HOSTNAME || defaults.hostname, 'PORTS_HOSTNAME')
        : new LocalHost(hostname)
    this.#rangeSize = defaults.rangeSize ?? DEFAULT_RANGE_SIZE
  }

  /**
   * The scope that these options mean: defaults filled in, the hostname as it is stored.
   * @throws {PortsError} `INVALID_ARGUMENT`
   */
  scope(options: Partial<Scope> = {}): Scope {
    const { hostname, protocol } = given(options)
    return {
      hostname: this.#localHost.resolve('hostname', hostname),
      protocol: validProtocol('protocol', protocol ?? 'tcp'),
    }
  }

  /**
   * The instance of a project that these options mean.
   * @throws {PortsError} `INVALID_ARGUMENT`
   */
  instance(projectName: string, options: InstanceOption = {}): string {
    const { instance } = given(options)
    if (instance !== undefined) return validInstance('instance', instance)
    return this.namedInstance(projectName) ?? ''
  }

  /**
   * The instance of a project that calls mean if they name none: that of the manager, else that of
   * the environment. Undefined if neither names one.
   */
  namedInstance(projectName: string): string | undefined {
    return this.#instance(projectName)
  }

  /**
   * The service that these arguments mean, with defaults filled in.
   * @throws {PortsError} `INVALID_ARGUMENT`
   */
  service(
    projectName: string,
    serviceName: string,
    options: Partial<Scope> & InstanceOption = {},
  ): ServiceKey {
    return { ...this.#service(projectName, serviceName, options), ...this.scope(options) }
  }

  /**
   * Whether this process is in the network namespace of this host's services, as far as is known.
   * Records nothing, and starts no registry.
   * @throws the signal's reason
   */
  async seesServices(options: CallOptions = {}): Promise<boolean> {
    given(options).signal?.throwIfAborted()
    return this.#source.during(() => this.#maySeeServices())
  }

  /**
   * The numbers of that scope that are not allocated automatically, each with its reason: blocked
   * ports, and on this host those of its kernel, of its platform, and those on which something
   * listens now. Returns nothing, without looking, if `passOver` is `none`. Starts no registry.
   * @throws the signal's reason
   */
  async passedOver(
    options: Partial<Scope> & PassOverOption & CallOptions = {},
  ): Promise<PassedOver> {
    const accepted = given(options)
    return this.#source.during(() => this.#look(accepted))
  }

  /**
   * The port of the service in its scope: the one that it claimed last, else the oldest, else a new
   * one, which is the preferred number if it is available, else the lowest that is available and
   * not passed over. All concurrent callers get the same port, on any number of machines. The
   * service keeps it until it is released, whether it runs or not. A number that rests since this
   * service released it comes before the lowest one. With `ttlSeconds` the port has a lease, which
   * every such call renews. Metadata fills in what the allocation lacks and overwrites nothing.
   * Safe to repeat, and repeated automatically if the answer was lost.
   * @throws {PortsError} `RANGE_EXHAUSTED`; `INVALID_ARGUMENT` if `ttlSeconds` is given and the
   * service holds a port without a lease
   */
  async getOrAllocate(
    projectName: string,
    serviceName: string,
    options: EnsureOptions = {},
  ): Promise<number> {
    const accepted = given(options)
    const request = this.#ensureRequest(projectName, serviceName, accepted)
    const call = this.#write(accepted)
    const isPlain = request.preferredPort === undefined && this.#passesOverNothing(accepted)
    return this.#source.ask(
      async (store) =>
        isPlain
          ? store.getOrAllocate(request, call)
          : (await ensurePort(store, request, () => this.#look(accepted), call)).portNumber,
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
  }

  /**
   * The port that `getOrAllocate` would return, if the service has one. Allocates nothing.
   * @throws {PortsError} `PROJECT_NOT_FOUND`; `NO_REGISTRY`
   */
  async find(
    projectName: string,
    serviceName: string,
    options: Partial<Scope> & InstanceOption & CallOptions = {},
  ): Promise<number | undefined> {
    const key = this.service(projectName, serviceName, options)
    const call = given(options)
    return this.#source.askExisting((store) => findHeld(store, key, call))
  }

  /**
   * Does what `getOrAllocate` does, and returns the allocation, whether it is new, and which numbers
   * were passed over.
   * @throws {PortsError} `RANGE_EXHAUSTED`
   */
  async ensure(
    projectName: string,
    serviceName: string,
    options: EnsureOptions = {},
  ): Promise<EnsureResult> {
    const accepted = given(options)
    const request = this.#ensureRequest(projectName, serviceName, accepted)
    const call = this.#write(accepted)
    return this.#source.ask(
      async (store) => {
        const look = () => this.#look(accepted)
        const { portNumber, ...told } = await ensurePort(store, request, look, call)
        const allocation = await allocationOf(store, request, portNumber, call)
        return { allocation, ...told, ...(await sharing(store, request, allocation, call)) }
      },
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
  }

  /**
   * Ports of several services, at most 1,000 numbers, in one transaction: all or nothing. A service
   * that holds ports keeps them. If they satisfy its entry, it gets the first of them, as
   * `getOrAllocate` would choose. Other services get new ones: first those that need a block, then
   * those that need a number for both protocols, then the rest, each the lowest that fit. Metadata
   * fills in what the allocations lack. Safe to repeat, and repeated automatically if the answer
   * was lost.
   * @throws {PortsError} `RANGE_EXHAUSTED` saying what would fit; `LAYOUT_MISMATCH` naming what a
   * service holds that does not satisfy its entry
   */
  async ensureMany(
    projectName: string,
    items: readonly BatchEntry[],
    options: EnsureManyOptions = {},
  ): Promise<EnsureManyResult> {
    const accepted = given(options)
    refuseMisplaced(accepted)
    callPassOver(accepted)
    const project = validName('projectName', projectName)
    const request = {
      projectName: project,
      items: validItems(items),
      instance: this.instance(project, accepted),
      hostname: this.scope(accepted).hostname,
      ...validMetadata(accepted),
      ...leaseOf(accepted),
    }
    const call = this.#write(accepted)
    const look = (protocol: Protocol) => this.#look({ ...accepted, protocol })
    return this.#source.ask(
      (store) => ensureMany(store, request, look, call),
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
  }

  /**
   * Gives the service that number, which `getOrAllocate` returns for it from then on. Other ports
   * of the service stay. A number that would be passed over is also given, and the result says why
   * it would be. With `ttlSeconds` the port has a lease, which every such call renews. Safe to
   * repeat, and repeated automatically if the answer was lost. `created` may then be false although
   * the attempt without an answer created it.
   * @throws {PortsError} `PORT_TAKEN` naming the holder and the nearest available numbers,
   * `PORT_OUT_OF_RANGE` naming the owner of the number, `PORT_RESERVED` with the reason;
   * `INVALID_ARGUMENT` if `ttlSeconds` is given and the service holds the number without a lease
   */
  async claim(
    projectName: string,
    serviceName: string,
    portNumber: number,
    options: ClaimOptions = {},
  ): Promise<ClaimResult> {
    const accepted = given(options)
    const request = {
      ...this.#request(projectName, serviceName, accepted),
      portNumber: validPort('portNumber', portNumber),
      ...usingReservation(accepted),
    }
    const call = this.#write(accepted)
    return this.#source.ask(
      async (store) => {
        const created = await store.claim(request, call)
        const allocation = await allocationOf(store, request, portNumber, call)
        const passedOver = created ? await this.#look(accepted) : PassedOver.NOTHING
        const caution = passedOver.reasonFor(portNumber)
        const shared = await sharing(store, request, allocation, call)
        return { allocation, created, ...(caution && { caution }), ...shared }
      },
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
  }

  /**
   * Gives the service that number instead of another one, in one transaction, so nobody can take
   * either meanwhile. The new holding keeps the metadata and the idempotency key, and has a higher
   * id. Undefined if the service holds neither number. Safe to repeat, and repeated automatically
   * if the answer was lost; `moved` is false if the service held the number already.
   * @throws {PortsError} `PORT_TAKEN` naming the holder, which may be the service itself,
   * `PORT_OUT_OF_RANGE` naming the owner of the number, `PORT_RESERVED` with the reason
   */
  async move(
    projectName: string,
    serviceName: string,
    portNumber: number,
    options: MoveOptions = {},
  ): Promise<MoveResult | undefined> {
    const accepted = given(options)
    const { from } = accepted
    const request = {
      ...this.service(projectName, serviceName, accepted),
      portNumber: validPort('portNumber', portNumber),
      ...(from !== undefined && { from: validPort('from', from) }),
      ...usingReservation(accepted),
    }
    const call = this.#write(accepted)
    return this.#source.askExisting(
      async (store) => {
        const moved = await store.move(request, call)
        return (
          moved && { ...moved, allocation: await allocationOf(store, request, portNumber, call) }
        )
      },
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
  }

  /**
   * Another port for the service, even if it has one: the lowest number of the project in that
   * scope that is available and not passed over. Without an idempotency key it is not safe to
   * repeat after `OUTCOME_UNKNOWN`: look at the list first. With one it is safe, and is repeated
   * automatically. With a `count` it returns that many more, lowest first, all in one transaction
   * and under one key.
   * @throws {PortsError} `RANGE_EXHAUSTED`; with a `count`, `LAYOUT_MISMATCH` if the service holds
   * other ports under the key
   */
  async allocate(
    projectName: string,
    serviceName: string,
    options: AllocateManyOptions,
  ): Promise<number[]>
  async allocate(
    projectName: string,
    serviceName: string,
    options?: AllocateOptions,
  ): Promise<number>
  async allocate(
    projectName: string,
    serviceName: string,
    options: AllocateOptions & Partial<Layout> = {},
  ): Promise<number | number[]> {
    const accepted = given(options)
    const numbers = await this.#allocate(projectName, serviceName, accepted)
    return accepted.count === undefined ? numbers[0]! : numbers
  }

  /**
   * As `allocate`, but returns the allocations, by port number. They have what `renew` and `release`
   * need: the ids, and when the leases end.
   */
  async allocatePorts(
    projectName: string,
    serviceName: string,
    options: AllocateOptions & Partial<Layout> = {},
  ): Promise<PortAllocation[]> {
    const accepted = given(options)
    const key = this.service(projectName, serviceName, accepted)
    const numbers = await this.#allocate(projectName, serviceName, accepted)
    return this.#source.ask(
      (store) => allocatedNow(store, key, numbers, accepted),
      (attempt) => repeatIdempotent(attempt, accepted.signal),
    )
  }

  async #allocate(
    projectName: string,
    serviceName: string,
    accepted: AllocateOptions & Partial<Layout>,
  ): Promise<number[]> {
    const { idempotencyKey, count } = accepted
    const layout = validLayout(accepted)
    if (count === undefined && layout.contiguous) {
      throw invalidArgument('contiguous', true, 'left out unless a count is given')
    }
    const call = this.#write(accepted)
    const request = {
      ...this.#request(projectName, serviceName, accepted),
      ...(idempotencyKey !== undefined && {
        idempotencyKey: validText('idempotencyKey', idempotencyKey, MAX_LENGTH.idempotencyKey),
      }),
    }
    const repeat = idempotencyKey === undefined ? repeatBusy : repeatIdempotent
    return this.#source.ask(
      async (store) => {
        const { ranges } = await this.#look(accepted)
        const wanted = { ...request, ...(ranges.length > 0 && { avoid: ranges }) }
        return count === undefined
          ? [await store.allocate(wanted, call)]
          : [...(await store.allocateMany({ ...wanted, ...layout }, call))]
      },
      (attempt) => repeat(attempt, call.signal),
    )
  }

  /**
   * Releases all live ports of the service on that host, narrowed by protocol and number where
   * given. The numbers can be allocated again at once, or after the rest of the project. True if
   * there was one. Repeated automatically if the answer was lost; then false, or `LEASE_LOST`, may
   * mean that the attempt without an answer released it.
   * @throws {PortsError} `LEASE_LOST` if an id is given, and that holding has ended
   */
  async release(
    projectName: string,
    serviceName: string,
    hostname?: string,
    options: ReleaseOptions = {},
  ): Promise<boolean> {
    return (await this.releasePorts(projectName, serviceName, hostname, options)).length > 0
  }

  /**
   * As `release`, but returns what was released, ordered by number and protocol. It is repeated
   * automatically when the answer was lost. Numbers that the attempt without an answer released are
   * then missing, and an empty list does not mean that nothing was released.
   */
  async releasePorts(
    projectName: string,
    serviceName: string,
    hostname?: string,
    options: ReleaseOptions = {},
  ): Promise<ReleasedPort[]> {
    const accepted = given({ ...given(options), hostname })
    const selection = {
      ...this.#selection(projectName, serviceName, accepted),
      ...holdingOf(accepted),
    }
    const call = this.#write(accepted)
    const released = await this.#source.askExisting(
      (store) => store.release(selection, call),
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
    return [...released]
  }

  /**
   * Sets the end of the service's leases on that host to `ttlSeconds` from now, narrowed by
   * protocol, number and id if they are given. Returns them, ordered by number and protocol. Ports
   * without a lease stay as they are. A lease that has ended is never renewed. Safe to repeat, and
   * repeated automatically if the answer was lost.
   * @throws {PortsError} `LEASE_LOST` if there is no such lease any more; `INVALID_ARGUMENT` if the
   * service holds such ports, but none with a lease
   */
  async renew(
    projectName: string,
    serviceName: string,
    ttlSeconds: number,
    options: RenewOptions = {},
  ): Promise<RenewedLease[]> {
    const accepted = given(options)
    const request = {
      ...this.#selection(projectName, serviceName, accepted),
      ...holdingOf(accepted),
      ttlSeconds: validTtl(ttlSeconds),
    }
    const call = this.#write(accepted)
    const renewed = await this.#source.askExisting(
      (store) => store.renew(request, call),
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
    return [...renewed]
  }

  /**
   * Sets the metadata that is given and clears what is `null`, on the service's live allocations on
   * that host, or on all hosts at once, narrowed by protocol and number where given. False if there
   * is none.
   */
  async updatePort(
    projectName: string,
    serviceName: string,
    change: MetadataChange,
    options: UpdateOptions = {},
  ): Promise<boolean> {
    const accepted = given(options)
    const isEverywhere = validAllHosts(accepted)
    const { hostname, ...narrowed } = this.#selection(projectName, serviceName, accepted)
    const valid = validChange(change)
    const call = this.#write(accepted)
    return this.#source.askExisting(
      (store) =>
        isEverywhere
          ? store.updateOnAllHosts(narrowed, valid, call)
          : store.update({ ...narrowed, hostname }, valid, call),
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
  }

  /**
   * The other services that hold a port under that Cloudflare hostname. `ensure` and `claim` return
   * them.
   */
  async sameCloudflareHostname(
    projectName: string,
    serviceName: string,
    cloudflareHostname: string,
    options: InstanceOption & CallOptions = {},
  ): Promise<Service[]> {
    const call = given(options)
    const service = this.#service(projectName, serviceName, call)
    const hostname = validPublicHostname('cloudflareHostname', cloudflareHostname)
    return this.#source.askExisting((store) =>
      sameCloudflareHostname(store, service, hostname, call),
    )
  }

  /**
   * The instances in which the service has a live port on that host, or on all hosts, narrowed by
   * protocol and number where given, by name. The primary one is `''`.
   */
  async instancesOf(
    projectName: string,
    serviceName: string,
    options: Omit<UpdateOptions, 'instance'> = {},
  ): Promise<string[]> {
    const accepted = given(options)
    const { protocol, portNumber, signal } = accepted
    const hostname = validAllHosts(accepted)
      ? undefined
      : this.#localHost.resolve('hostname', accepted.hostname)
    const filter = { serviceName, hostname, portNumber, signal }
    const held = await this.listByProject(projectName, filter)
    const ofProtocol = held.filter((it) => protocol === undefined || it.protocol === protocol)
    return [...new Set(ofProtocol.map(({ instance }) => instance))].sort()
  }

  /** The live allocations of a project, on all hosts unless narrowed, by port number. */
  async listByProject(projectName: string, options: ListOptions = {}): Promise<PortAllocation[]> {
    const accepted = given(options)
    const query = { projectName: validName('projectName', projectName), ...this.#filter(accepted) }
    return [...(await this.#source.askExisting((store) => store.list(query, accepted))).allocations]
  }

  /** All live allocations unless narrowed, by port number. */
  async listAll(options: ListOptions = {}): Promise<PortAllocation[]> {
    const accepted = given(options)
    const query = this.#filter(accepted)
    return [...(await this.#source.askExisting((store) => store.list(query, accepted))).allocations]
  }

  /**
   * The numbers that rest, each with the service that held it last and is the only one that can get
   * it until the rest ends. All of them unless narrowed, by port number.
   */
  async listResting(
    options: ListOptions & { readonly projectName?: string | undefined } = {},
  ): Promise<RestingPort[]> {
    const accepted = given(options)
    const { projectName } = accepted
    const query = {
      ...(projectName !== undefined && { projectName: validName('projectName', projectName) }),
      ...this.#filter(accepted),
    }
    return [...(await this.#source.askExisting((store) => store.listResting(query, accepted)))]
  }

  /** A page of `listAll` or `listByProject`, for registries too large for one answer. */
  async listPage(options: PageOptions): Promise<AllocationPage> {
    const accepted = given(options)
    const { projectName, cursor } = accepted
    const limit = validCount('limit', accepted.limit, 1000)
    const query = {
      ...(projectName !== undefined && { projectName: validName('projectName', projectName) }),
      ...this.#filter(accepted),
      ...(cursor !== undefined && { after: parseCursor(cursor) }),
      // One more than asked for tells whether there is a next page.
      limit: limit + 1,
    }
    const { allocations, total } = await this.#source.askExisting((store) =>
      store.list(query, accepted),
    )
    const page = allocations.slice(0, limit)
    const last = page.at(-1)
    if (allocations.length <= limit || !last) return { allocations: page, total }
    return { allocations: page, total, nextCursor: cursorAfter(last) }
  }

  /**
   * The services of the project, and the hosts, to suggest instead of a mistyped name. Allocations
   * whose ids are in `without` do not count.
   */
  async neighbourhood(
    projectName: string,
    options: NeighbourhoodOptions = {},
  ): Promise<Neighbourhood> {
    const accepted = given(options)
    const query = {
      projectName: validName('projectName', projectName),
      hostname: this.scope(accepted).hostname,
      without: validIds('without', accepted.without ?? []),
    }
    return this.#source.askExisting((store) => store.neighbourhood(query, accepted))
  }

  /**
   * Returns which instance of a project a directory of a host is. Default: this host. Records the
   * directory the first time. The first directory of a project that is no linked worktree of Git is
   * the primary instance, whose name is empty. Any other is an instance of its own, with the same
   * name each time. A directory of this host that was moved within its file system stays the same
   * instance. If the directory of the primary instance is gone, another takes its place, unless the
   * old one is found where it was moved. Safe to repeat, and repeated automatically if the answer
   * was lost.
   */
  async ensureCheckout(
    projectName: string,
    directory: CheckoutOfDirectory,
    options: Pick<Partial<Scope>, 'hostname'> & WriteOptions = {},
  ): Promise<EnsuredCheckout> {
    const name = validName('projectName', projectName)
    const { hostname } = this.scope(options)
    const request = checkoutRequest(name, hostname, directory)
    const call = this.#write(given(options))
    return this.#source.ask(
      (store) =>
        this.#localHost.is(hostname)
          ? recordCheckout(store, request, call)
          : store.ensureCheckout(request, call),
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
  }

  /** The directories of projects, ordered by project, host and instance. */
  async listCheckouts(
    options: { readonly projectName?: string; readonly hostname?: string } & CallOptions = {},
  ): Promise<readonly Checkout[]> {
    const { projectName, hostname, ...call } = given(options)
    const query = {
      ...(projectName !== undefined && { projectName: validName('projectName', projectName) }),
      ...(hostname !== undefined && { hostname: this.#localHost.resolve('hostname', hostname) }),
    }
    return this.#source.askExisting((store) => store.listCheckouts(query, call))
  }

  /**
   * Records that these allocations were made from a directory, so that they may be released once it
   * is gone. Does nothing if it is not recorded. Safe to repeat, and repeated automatically if the
   * answer was lost.
   */
  async noteAllocations(
    { projectName, hostname, directory }: Pick<Checkout, 'projectName' | 'hostname' | 'directory'>,
    allocationIds: readonly string[],
    options: WriteOptions = {},
  ): Promise<void> {
    const checkout = {
      projectName: validName('projectName', projectName),
      hostname: this.#localHost.resolve('hostname', hostname),
      directory: validDirectory('directory', directory),
    }
    const ids = validIds('allocationIds', allocationIds)
    const call = this.#write(given(options))
    await this.#source.askExisting(
      (store) => store.noteAllocations(checkout, ids, call),
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
  }

  /**
   * Forgets a directory. The ports of its instance stay held. False if it was not recorded. Safe to
   * repeat, and repeated automatically if the answer was lost.
   */
  async forgetCheckout(
    { projectName, hostname, directory }: Pick<Checkout, 'projectName' | 'hostname' | 'directory'>,
    options: WriteOptions = {},
  ): Promise<boolean> {
    const checkout = {
      projectName: validName('projectName', projectName),
      hostname: this.#localHost.resolve('hostname', hostname),
      directory: validDirectory('directory', directory),
    }
    const call = this.#write(given(options))
    return this.#source.askExisting(
      (store) => store.forgetCheckout(checkout, call),
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
  }

  /** The hosts on which ports are held, or that the history names, by name. */
  async listHosts(options: CallOptions = {}): Promise<KnownHost[]> {
    return [...(await this.#source.askExisting((store) => store.listHosts(given(options))))]
  }

  /**
   * How full the ranges of a project are in one scope; default: this host, TCP. Looks at what new
   * allocations would pass over there now.
   * @throws {PortsError} `RANGE_EXHAUSTED` if the project has ranges on other hosts only
   */
  async getProjectSummary(
    projectName: string,
    options: Partial<Scope> & PassOverOption & CallOptions = {},
  ): Promise<PortSummary> {
    const scope = this.scope(options)
    const name = validName('projectName', projectName)
    const call = given(options)
    return this.#source.askExisting(async (store) => {
      const { ranges } = await this.#look({ ...scope, ...call })
      return summarizeProject(store, name, scope, ranges, call)
    })
  }

  /**
   * Whether something is listening there now. An address means only itself. A name, or no host,
   * means all addresses of the host. Never binds. Reads this host's kernel tables, and connects to
   * another host over TCP. Never releases a port.
   * @throws {PortsError} `UNVERIFIABLE` if that cannot be determined. False is never a guess.
   */
  async verifyPort(
    port: number,
    hostname?: string,
    protocol: Protocol = 'tcp',
    options: CheckOptions = {},
  ): Promise<boolean> {
    const sighting = await this.inspectPort(port, hostname, protocol, options)
    if (sighting.verdict === 'unknown') throw unverifiable(sighting)
    return sighting.verdict === 'listening'
  }

  /** As `verifyPort`, with `unknown` as an answer. */
  async checkPort(
    port: number,
    hostname?: string,
    protocol: Protocol = 'tcp',
    options: CheckOptions = {},
  ): Promise<Verdict> {
    return (await this.inspectPort(port, hostname, protocol, options)).verdict
  }

  /**
   * As `checkPort`, with everything that was seen: who listens, what holds the number, and why the
   * verdict is unknown.
   */
  async inspectPort(
    port: number,
    hostname?: string,
    protocol: Protocol = 'tcp',
    options: CheckOptions = {},
  ): Promise<PortSighting> {
    const scope = this.scope({ hostname, protocol })
    const target = {
      port: validPort('port', port),
      hostname: this.#localHost.target('hostname', hostname),
      protocol: scope.protocol,
    }
    const accepted = given(options)
    const sighting = await this.#source.during(() => this.#see(target, accepted))
    const address = target.hostname === scope.hostname ? undefined : target.hostname
    return { ...target, ...scope, ...(address !== undefined && { address }), ...sighting }
  }

  /**
   * The listeners on a port of this host now, with the processes that this one may inspect.
   * Undefined if that cannot be seen: on another host, from a network namespace other than that of
   * the host's services, and on systems other than Linux and macOS. Starts no registry.
   * @throws the signal's reason
   */
  async useOfPort(
    port: number,
    options: Partial<Scope> & CallOptions = {},
  ): Promise<PortUse | undefined> {
    const { hostname, protocol } = this.scope(options)
    const portNumber = validPort('port', port)
    const { signal } = given(options)
    signal?.throwIfAborted()
    if (!this.#localHost.is(hostname)) return undefined
    return this.#source.during(() => this.#portUse.read(portNumber, protocol, signal))
  }

  /**
   * Everything that is known about a number on a host: its holder, the owner of its range, what
   * listens and whose that is, what keeps it from being allocated, its health and its last changes.
   * Without a registry, returns what listens, and makes no registry. Changes nothing.
   */
  async explainPort(
    port: number,
    options: Partial<Scope> & CallOptions = {},
  ): Promise<Explanation> {
    const accepted = given(options)
    const target = { port: validPort('port', port), ...this.scope(accepted) }
    return this.#source.during(async () => {
      const [store, sighting, use, passedOver] = await Promise.all([
        this.#source.getExisting(),
        this.#see(target, accepted),
        this.useOfPort(port, accepted),
        this.#passedOverIn(target, accepted.signal),
      ])
      const look = { sighting, use, passedOver }
      return explainPort(store, target, look, accepted)
    })
  }

  /**
   * Records the process that serves an allocation on this host, so that it is recognized later.
   * Replaces the one recorded before. False if the holding or the process has ended. Safe to
   * repeat, and repeated automatically if the answer was lost.
   */
  async recordProcess(
    allocationId: string,
    pid: number,
    options: WriteOptions = {},
  ): Promise<boolean> {
    const id = validId('allocationId', allocationId)
    const process = await recordOf(validCount('pid', pid, MAX_PID))
    if (!process) return false
    const call = this.#write(given(options))
    return this.#source.askExisting(
      (store) => store.recordProcess(id, process, call),
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
  }

  /**
   * Compares every allocation with what is listening now, and keeps the result: a health check per
   * allocation, `in_use` and the last use on what listens, `allocated` on what no longer does. An
   * allocation that cannot be verified keeps its status, counts as unverified and is listed with
   * the reason. Also reports what listens on numbers of ranges that nobody holds, the owners of the
   * listeners, and other conflicts. Reads this host's kernel tables once, and connects to other
   * hosts in parallel. Releases nothing.
   */
  async auditPorts(options: AuditOptions = {}): Promise<AuditResult> {
    const accepted = given(options)
    const open = () => this.#source.get({ create: false })
    return this.#source.during(() => auditPorts(open, this.#localHost, accepted, this.#ownerUid))
  }

  /**
   * The results of the audits of a service's ports, newest first: at most the newest 100 checks of
   * each port. Ordered by port number. Empty if the service holds no port there.
   */
  async listChecks(
    projectName: string,
    serviceName: string,
    options: Partial<Scope> & InstanceOption & CheckListOptions = {},
  ): Promise<CheckedPort[]> {
    const accepted = given(options)
    const selection = this.#selection(projectName, serviceName, accepted)
    const limit = validCount('limit', accepted.limit ?? MAX_CHECKS, MAX_CHECKS)
    return this.#source.askExisting((store) => listChecks(store, selection, limit, accepted))
  }

  /** All ranges, by start port and host. */
  async listRanges(options: CallOptions = {}): Promise<PortRange[]> {
    const call = given(options)
    return [...(await this.#source.askExisting((store) => store.listRanges(call)))]
  }

  /**
   * Gives a project its first range, on every host unless it names one: the numbers named, or the
   * lowest block of `size` numbers in 3000–32767 that is free on every host and starts on a multiple
   * of `size`. Without a size: the one that is set for the store's callers, else 100.
   * @throws {PortsError} `RANGE_OVERLAP` naming the range in the way, or that the project has one
   * already; `RANGE_EXHAUSTED` when no block of that size is free
   */
  async createRange(range: NewRange, options: WriteOptions = {}): Promise<PortRange> {
    const wanted = validNewRange(range, this.#rangeSize, this.#localHost)
    const call = this.#write(given(options))
    return this.#source.ask((store) =>
      'size' in wanted ? store.createNextRange(wanted, call) : store.createRange(wanted, call),
    )
  }

  /**
   * Gives a project one more range, or its first. It may be one number, and may be bound to a host,
   * so that two projects own the same number on two hosts.
   * @throws {PortsError} `RANGE_OVERLAP` naming the range in the way
   */
  async addRange(
    projectName: string,
    range: NewRangeNumbers,
    options: WriteOptions = {},
  ): Promise<PortRange> {
    const wanted = validAddedRange(projectName, range, this.#localHost)
    const call = this.#write(given(options))
    return this.#source.ask((store) => store.addRange(wanted, call))
  }

  /**
   * The first range of a project, or a new one if it has none: a free block of `size` numbers that
   * contains none of the numbers that common programs use by default. Without a size: as
   * `createRange`. Safe to repeat, and repeated automatically if the answer was lost.
   * @throws {PortsError} `RANGE_EXHAUSTED` when no block of that size is free
   */
  async ensureRange(
    projectName: string,
    block: { readonly size?: number; readonly description?: string } = {},
    options: WriteOptions = {},
  ): Promise<EnsuredRange> {
    const request = {
      ...validBlock(projectName, block, this.#rangeSize),
      avoid: COMMON_DEFAULT_PORTS,
    }
    const call = this.#write(given(options))
    return this.#source.ask(
      (store) => store.ensureRange(request, call),
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
  }

  /**
   * Moves the ends of a project's range. If the project has several, `from` says which.
   * @throws {PortsError} `INVALID_ARGUMENT` naming the ranges, if not exactly one is meant;
   * `RANGE_OVERLAP`; `RANGE_IN_USE` naming the live allocations left outside
   */
  async resizeRange(
    projectName: string,
    bounds: Bounds,
    options: ResizeOptions = {},
  ): Promise<PortRange> {
    const accepted = given(options)
    const name = validName('projectName', projectName)
    const valid = validBounds(bounds)
    const choice = this.#choice(accepted)
    const call = this.#write(accepted)
    return this.#source.ask((store) => store.resizeRange(name, valid, choice, call))
  }

  /**
   * Takes the range that starts at that number from a project, and returns it. With its last range
   * the project is gone.
   * @throws {PortsError} `INVALID_ARGUMENT` naming the ranges, if not exactly one is meant;
   * `RANGE_IN_USE` naming the live allocations
   */
  async removeRange(
    projectName: string,
    startPort: number,
    options: Omit<ResizeOptions, 'from'> = {},
  ): Promise<PortRange> {
    const accepted = given(options)
    const name = validName('projectName', projectName)
    const choice = this.#choice({ ...accepted, from: validPort('startPort', startPort) })
    const call = this.#write(accepted)
    return this.#source.ask((store) => store.removeRange(name, choice, call))
  }

  /**
   * Sets how long a number of the project rests after its release, or after the end of its lease.
   * While it rests, only the service that held it last can get it. 0 switches rests off. Also
   * returns the previous length. Numbers that rest already end their rest as if it had begun with
   * the new length. Safe to repeat, and repeated automatically if the answer was lost; the previous
   * length may then be the new one.
   */
  async setRest(
    projectName: string,
    seconds: number,
    options: WriteOptions = {},
  ): Promise<{ readonly restSeconds: number; readonly restSecondsBefore: number }> {
    const name = validName('projectName', projectName)
    const restSeconds = validRest(seconds)
    const call = this.#write(given(options))
    const restSecondsBefore = await this.#source.ask(
      (store) => store.setRest(name, restSeconds, call),
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
    return { restSeconds, restSecondsBefore }
  }

  /**
   * Takes all ranges from a project.
   * @throws {PortsError} `RANGE_IN_USE` naming the live allocations
   */
  async deleteRange(projectName: string, options: WriteOptions = {}): Promise<void> {
    const name = validName('projectName', projectName)
    const call = this.#write(given(options))
    await this.#source.ask((store) => store.deleteRange(name, call))
  }

  /**
   * Takes all ranges from several projects, or none if one of them is refused.
   * @throws {PortsError} `RANGE_IN_USE` naming the live allocations of the first project that has any
   */
  async deleteRanges(projectNames: readonly string[], options: WriteOptions = {}): Promise<void> {
    if (!Array.isArray(projectNames)) {
      throw invalidArgument('projectNames', projectNames, 'a list of names')
    }
    const names = projectNames.map((name) => validName('projectName', name))
    const call = this.#write(given(options))
    await this.#source.ask((store) => store.deleteRanges([...new Set(names)].sort(), call))
  }

  /**
   * Keeps the numbers out of automatic allocation, for every call that begins afterwards, until the
   * end that is given, by the database's clock. They may be in ranges or outside them. Live
   * allocations of these numbers stay, and are returned. A claim takes such a number only with
   * `useReservation`. If the same numbers are reserved already for the same host and protocol, sets
   * the reason and the end. Safe to repeat, and repeated automatically if the answer was lost.
   */
  async reserve(
    bounds: Bounds,
    reason: string,
    options: ReserveOptions & WriteOptions = {},
  ): Promise<ReserveResult> {
    const accepted = given(options)
    const request = validReservation(bounds, reason, accepted, this.#localHost)
    const { startPort, endPort, hostname, protocol } = request
    const call = this.#write(accepted)
    return this.#source.ask(
      async (store) => {
        const reservation = await store.reserve(request, call)
        const query = given({ bounds: { startPort, endPort }, hostname, protocol })
        return { reservation, held: await heldOf(store, query, call) }
      },
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
  }

  /**
   * Removes the reservations of exactly these numbers, narrowed by host and protocol where given,
   * and returns them. Repeated automatically if the answer was lost; those that the attempt without
   * an answer removed are then missing.
   */
  async unreserve(
    bounds: Bounds,
    options: ReservationScope & WriteOptions = {},
  ): Promise<Reservation[]> {
    const accepted = given(options)
    const numbers = validReservedNumbers(bounds, accepted, this.#localHost)
    const call = this.#write(accepted)
    const removed = await this.#source.askExisting(
      (store) => store.unreserve(numbers, call),
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
    return [...removed]
  }

  /** The reservations that have not ended, by start port, end port, host and protocol. */
  async listReservations(options: CallOptions = {}): Promise<Reservation[]> {
    const call = given(options)
    return [...(await this.#source.askExisting((store) => store.listReservations(call)))]
  }

  /**
   * Limits how many ports a project, or the actors that match, may hold, and may get in a minute.
   * Replaces the existing limits. Ports that are already held stay. A call that would exceed a
   * limit is refused with `LIMIT_REACHED`, however many calls run at once. Imports and moves are
   * not limited. An actor is a label that callers choose, so a limit on actors only protects
   * against accidents. Safe to repeat.
   */
  async setLimit(
    subject: LimitSubject,
    limits: Limits,
    options: WriteOptions = {},
  ): Promise<Limit> {
    const valid = validSubject(subject)
    const values = validLimits(limits)
    const call = this.#write(given(options))
    return this.#source.ask(
      (store) => store.setLimit(valid, values, call),
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
  }

  /**
   * Removes the limits of a project or of actors, and returns them; undefined if there were none. The
   * actor is written as in the limit.
   */
  async removeLimit(subject: LimitSubject, options: WriteOptions = {}): Promise<Limit | undefined> {
    const valid = validSubject(subject)
    const call = this.#write(given(options))
    return this.#source.askExisting(
      (store) => store.removeLimit(valid, call),
      (attempt) => repeatIdempotent(attempt, call.signal),
    )
  }

  /** The limits of projects, then those of actors, with what they count now. */
  async listLimits(options: CallOptions = {}): Promise<LimitState[]> {
    const call = given(options)
    return [...(await this.#source.askExisting((store) => store.listLimits(call)))]
  }

  /**
   * Returns the changes of allocations, metadata, ranges, rests, reservations, limits and
   * checkouts, newest first, without the results of audits. An event appears only when every
   * transaction that began to write before its own has ended. Events outlive their project and
   * service, so an unknown name is not an error.
   */
  async history(options: HistoryOptions): Promise<HistoryPage> {
    const accepted = given(options)
    const { projectName, serviceName, portNumber, actor, since, cursor } = accepted
    const query = {
      ...(projectName !== undefined && { projectName: validName('projectName', projectName) }),
      ...(serviceName !== undefined && { serviceName: validName('serviceName', serviceName) }),
      ...(portNumber !== undefined && { portNumber: validPort('portNumber', portNumber) }),
      ...(actor !== undefined && { actor: validActor('actor', actor) }),
      ...(since !== undefined && { since: validDate('since', since) }),
      ...(cursor !== undefined && { before: parseEventCursor(cursor) }),
      limit: validCount('limit', accepted.limit, 1000),
    }
    const { events, next } = await this.#source.askExisting((store) =>
      store.history(query, accepted),
    )
    return { events, ...(next && { nextCursor: eventCursorAfter(next) }) }
  }

  /**
   * Records numbers that services use already: claims each for its service. A number that no
   * project owns first becomes a range of the row's project, on the host that the row names, else
   * on every host. If a row is in conflict, nothing is imported, unless conflicts are to be
   * skipped. `getOrAllocate` returns the number of a service's first row from then on; the report
   * names the number that it replaces. Takes 10,000 rows at most. Safe to repeat.
   * @throws {PortsError} `INVALID_ARGUMENT` naming the row; `NO_REGISTRY` if a dry run finds none
   */
  async import(rows: readonly ImportRow[], options: ImportOptions = {}): Promise<ImportReport> {
    const accepted = given(options)
    const holdings = validRows(rows, (row, path) => this.#holding(row, path))
    const { dryRun = false, skipConflicts = false } = accepted
    const call = this.#write(accepted)
    const question = (store: PortRepository) =>
      importPorts(store, holdings, { dryRun, skipConflicts }, call)
    const repeat = <Answer>(attempt: () => Promise<Answer>) => repeatBusy(attempt, call.signal)
    return dryRun ? this.#source.askExisting(question, repeat) : this.#source.ask(question, repeat)
  }

  /**
   * The whole registry at one moment, without the results of audits, for `load`. Keep it where only
   * you can read it: it contains the idempotency keys and the history.
   */
  async dump(options: CallOptions = {}): Promise<RegistryDocument> {
    const call = given(options)
    const content = await this.#source.askExisting((store) => store.dump(call))
    const takenAt = new Date().toISOString()
    return { format: 'ports-registry', version: DOCUMENT_VERSION, takenAt, ...content }
  }

  /**
   * Loads a dumped registry into one that holds no port: projects, ranges, ports with their ids,
   * and the history. Unused default ranges are replaced.
   * @throws {PortsError} `RANGE_IN_USE` if the registry holds ports, `RANGE_OVERLAP` if another
   * range stands in the way, `INVALID_ARGUMENT` naming the entry that is wrong
   */
  async load(document: RegistryDocument, options: WriteOptions = {}): Promise<void> {
    const valid = validDocument(document)
    const call = this.#write(given(options))
    await this.#source.ask((store) => store.load(valid, call))
  }

  /**
   * Waits for the calls under way, then closes the connections of the store if it was opened. A call
   * after this is refused with `DATABASE_UNAVAILABLE`. Repeatable.
   */
  close(): Promise<void> {
    return this.#source.close()
  }

  async #see(target: Endpoint, options: CheckOptions): Promise<Sighting> {
    const probe = { timeoutMs: validTimeout(options), signal: options.signal }
    options.signal?.throwIfAborted()
    if (!this.#localHost.is(target.hostname)) return checkRemote(target, probe)
    const listeners = await readListeners()
    options.signal?.throwIfAborted()
    // Without tables there is no need to ask whose they are.
    const placed =
      listeners === undefined ||
      (await seesServicesOf(this.#localHost.name, () => this.#source.getRunning(), options))
    if (!placed) return unknownBecause('other-network')
    const seen = await checkLocal(target, listeners, probe)
    const containers = async () => (await readContainers(options)).containers
    return seePublished(seen, target, containers, probe)
  }

  #maySeeServices(): Promise<boolean> {
    return mayStartServicesOf(this.#localHost.name, () => this.#source.getRunning(), {})
  }

  #write({ signal, actor }: WriteOptions): GivingOptions {
    const asked = actor === undefined ? undefined : validActor('actor', actor)
    return {
      actor: this.#actor ?? asked ?? actorHere(),
      ...(signal && { signal }),
      ...(this.#limits && { limits: this.#limits }),
    }
  }

  #passesOverNothing(options: PassOverOption): boolean {
    return (callPassOver(options) ?? this.#passOver) === 'none'
  }

  async #look(options: Partial<Scope> & PassOverOption & CallOptions): Promise<PassedOver> {
    const { hostname, protocol } = this.scope(options)
    const passOver = callPassOver(options) ?? this.#passOver
    if (passOver === 'none') return PassedOver.NOTHING
    options.signal?.throwIfAborted()
    return this.#passedOverIn({ hostname, protocol }, options.signal)
  }

  async #passedOverIn({ hostname, protocol }: Scope, signal?: AbortSignal): Promise<PassedOver> {
    return this.#localHost.is(hostname)
      ? this.#passedOver.read(protocol, signal)
      : passedOverOnAnotherHost(protocol)
  }

  #ensureRequest(projectName: unknown, serviceName: unknown, options: EnsureOptions) {
    const { preferredPort } = options
    return {
      ...this.#request(projectName, serviceName, options),
      ...(preferredPort !== undefined && {
        preferredPort: validPort('preferredPort', preferredPort),
      }),
    }
  }

  #request(projectName: unknown, serviceName: unknown, options: GetOptions) {
    callPassOver(options)
    return {
      ...this.#service(projectName, serviceName, options),
      ...this.scope(options),
      ...validMetadata(options),
      ...leaseOf(options),
    }
  }

  #service(projectName: unknown, serviceName: unknown, options: InstanceOption): Service {
    const project = validName('projectName', projectName)
    return {
      projectName: project,
      serviceName: validName('serviceName', serviceName),
      instance: this.instance(project, options),
    }
  }

  #filter({ serviceName, hostname, portNumber }: ListOptions) {
    return {
      ...(serviceName !== undefined && { serviceName: validName('serviceName', serviceName) }),
      ...(hostname !== undefined && { hostname: this.#localHost.resolve('hostname', hostname) }),
      ...(portNumber !== undefined && { portNumber: validPort('portNumber', portNumber) }),
    }
  }

  /** @param path of the row, for errors */
  #holding(row: ImportRow, path: string): Holding {
    const field = (name: string) => `${path}.${name}`
    const { projectName, serviceName, portNumber, instance, hostname, protocol } = row
    return {
      projectName: validName(field('projectName'), projectName),
      serviceName: validName(field('serviceName'), serviceName),
      instance: instance === undefined ? '' : validName(field('instance'), instance),
      hostname: this.#localHost.resolve(field('hostname'), hostname),
      protocol: validProtocol(field('protocol'), protocol ?? 'tcp'),
      portNumber: validPort(field('portNumber'), portNumber),
      ...validMetadata(row, `${path}.`),
    }
  }

  #choice({ from, hostname }: RangeChoice): RangeChoice {
    return {
      ...(from !== undefined && { from: validPort('from', from) }),
      ...(hostname !== undefined && { hostname: this.#localHost.resolve('hostname', hostname) }),
    }
  }

  #selection(projectName: unknown, serviceName: unknown, options: UpdateOptions): Selection {
    const { protocol, portNumber } = options
    return {
      ...this.#service(projectName, serviceName, options),
      hostname: this.#localHost.resolve('hostname', options.hostname),
      ...(protocol !== undefined && { protocol: validProtocol('protocol', protocol) }),
      ...(portNumber !== undefined && { portNumber: validPort('portNumber', portNumber) }),
    }
  }
}

function holdingOf({ allocationId }: ReleaseOptions): Pick<ReleaseOptions, 'allocationId'> {
  return allocationId === undefined ? {} : { allocationId: validId('allocationId', allocationId) }
}

function validAllHosts({ allHosts, hostname }: UpdateOptions): boolean {
  if (allHosts === undefined || allHosts === false) return false
  if (allHosts !== true) throw invalidArgument('allHosts', allHosts, 'true or false')
  if (hostname !== undefined) throw cannotCombine('hostname', hostname, 'allHosts')
  return true
}
