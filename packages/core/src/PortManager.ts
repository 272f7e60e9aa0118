import type { AuditResult, Verdict } from './Audit.js'
import { type AuditOptions, auditPorts } from './auditPorts.js'
import { invalidArgument, unverifiable } from './errors.js'
import { type CheckOptions, checkListener } from './listeners/checkListener.js'
import { LocalHost } from './localHost.js'
import type {
  Metadata,
  MetadataChange,
  PortAllocation,
  Protocol,
  ReleasedPort,
  Scope,
} from './PortAllocation.js'
import { LARGEST_BLOCK, type PortRange, type PortSummary } from './PortRange.js'
import type { CallOptions, PageKey, PortRepository, Selection } from './PortRepository.js'
import { repeatBusy, repeatIdempotent } from './repeat.js'
import {
  MAX_LENGTH,
  validCount,
  validHostname,
  validName,
  validPort,
  validProtocol,
  validText,
} from './validate.js'

export interface PortManagerOptions {
  /**
   * What this machine is called in the registry. Default: the environment's `PORTS_HOSTNAME`, else
   * `localhost`.
   */
  readonly hostname?: string
}

export interface GetOptions extends Partial<Scope>, Metadata, CallOptions {}

export interface AllocateOptions extends GetOptions {
  /**
   * Names this allocation, so that asking again under the same key gives the same port until it is
   * released. Any text of up to 100 characters that the caller chooses, such as a UUID.
   */
  readonly idempotencyKey?: string
}

export interface NarrowOptions extends CallOptions {
  /** Default: both. */
  readonly protocol?: Protocol
  /** Default: all ports of the service. */
  readonly portNumber?: number
}

export interface UpdateOptions extends NarrowOptions {
  readonly hostname?: string
}

export interface PageOptions extends CallOptions {
  readonly projectName?: string
  /** Where the page before ended: its `nextCursor`. */
  readonly cursor?: string
  readonly limit: number
}

export interface AllocationPage {
  readonly allocations: readonly PortAllocation[]
  /** How many there are on all pages. */
  readonly total: number
  /** Absent on the last page. */
  readonly nextCursor?: string
}

export type NewRange =
  | PortRange
  | { readonly projectName: string; readonly size: number; readonly description?: string }

/**
 * The registry of ports. Every method rejects with a `PortsError`: `INVALID_ARGUMENT` before the
 * store is asked anything, `PROJECT_NOT_FOUND` for a project without a range, and the errors of the
 * store (`DATABASE_UNAVAILABLE`, `OUTCOME_UNKNOWN`, `BUSY`, `DATABASE_NOT_MIGRATED`).
 */
export class PortManager {
  readonly #repository: PortRepository
  readonly #localHost: LocalHost

  constructor(repository: PortRepository, options: PortManagerOptions = {}) {
    this.#repository = repository
    this.#localHost =
      options.hostname === undefined
        ? new LocalHost(process.env.PORTS_HOSTNAME || undefined, 'PORTS_HOSTNAME')
        : new LocalHost(options.hostname)
  }

  /**
   * The scope that these options mean: defaults filled in, the hostname as it is stored.
   * @throws {PortsError} `INVALID_ARGUMENT`
   */
  scope(options: Partial<Scope> = {}): Scope {
    return {
      hostname: this.#localHost.resolve('hostname', options.hostname),
      protocol: validProtocol('protocol', options.protocol ?? 'tcp'),
    }
  }

  /**
   * The oldest live port of the service in its scope, else a new one: the lowest free number of the
   * project's range. However many call at once, on however many machines, all get the same port,
   * and it is kept until released, whether the service runs or not. Metadata fills in what the
   * allocation lacks and overwrites nothing. Safe to repeat, and repeated by itself when the answer
   * was lost.
   * @throws {PortsError} `RANGE_EXHAUSTED`
   */
  async getOrAllocate(
    projectName: string,
    serviceName: string,
    options: GetOptions = {},
  ): Promise<number> {
    const request = this.#request(projectName, serviceName, options)
    return repeatIdempotent(() => this.#repository.getOrAllocate(request, options), options.signal)
  }

  /**
   * Another port for the service, also when it has one: the lowest free number of the project's
   * range in that scope. Without an idempotency key it is not safe to repeat after
   * `OUTCOME_UNKNOWN`: look at the list first. With one it is, and is repeated by itself.
   * @throws {PortsError} `RANGE_EXHAUSTED`
   */
  async allocate(
    projectName: string,
    serviceName: string,
    options: AllocateOptions = {},
  ): Promise<number> {
    const { idempotencyKey, signal } = options
    const request = {
      ...this.#request(projectName, serviceName, options),
      ...(idempotencyKey !== undefined && {
        idempotencyKey: validText('idempotencyKey', idempotencyKey, MAX_LENGTH.idempotencyKey),
      }),
    }
    const repeat = idempotencyKey === undefined ? repeatBusy : repeatIdempotent
    return repeat(() => this.#repository.allocate(request, options), signal)
  }

  /**
   * Releases all live ports of the service on that host, narrowed by protocol and number where
   * given. The numbers can be allocated again at once. True if there was one. Repeated by itself when
   * the answer was lost; then false may mean that the attempt without an answer released it.
   */
  async release(
    projectName: string,
    serviceName: string,
    hostname?: string,
    options: NarrowOptions = {},
  ): Promise<boolean> {
    return (await this.releasePorts(projectName, serviceName, hostname, options)).length > 0
  }

  /**
   * As `release`, and returns what was released, by number, then protocol. Repeated by itself when
   * the answer was lost; then numbers that the attempt without an answer released are missing, and
   * an empty list does not mean that nothing was released.
   */
  async releasePorts(
    projectName: string,
    serviceName: string,
    hostname?: string,
    options: NarrowOptions = {},
  ): Promise<ReleasedPort[]> {
    const selection = this.#selection(projectName, serviceName, { ...options, hostname })
    const call = () => this.#repository.release(selection, options)
    return [...(await repeatIdempotent(call, options.signal))]
  }

  /**
   * Sets the metadata that is given and clears what is `null`, on the service's live allocations on
   * that host, narrowed by protocol and number where given. False if there is none.
   */
  async updatePort(
    projectName: string,
    serviceName: string,
    change: MetadataChange,
    options: UpdateOptions = {},
  ): Promise<boolean> {
    const selection = this.#selection(projectName, serviceName, options)
    const valid = validChange(change)
    return repeatIdempotent(
      () => this.#repository.update(selection, valid, options),
      options.signal,
    )
  }

  /** The live allocations of a project on all hosts, by port number. */
  async listByProject(projectName: string, options: CallOptions = {}): Promise<PortAllocation[]> {
    const query = { projectName: validName('projectName', projectName) }
    return [...(await this.#repository.list(query, options)).allocations]
  }

  /** All live allocations, by port number. */
  async listAll(options: CallOptions = {}): Promise<PortAllocation[]> {
    return [...(await this.#repository.list({}, options)).allocations]
  }

  /** A page of `listAll` or `listByProject`, for registries too large for one answer. */
  async listPage(options: PageOptions): Promise<AllocationPage> {
    const { projectName, cursor } = options
    const limit = validCount('limit', options.limit, 1000)
    const { allocations, total } = await this.#repository.list(
      {
        ...(projectName !== undefined && { projectName: validName('projectName', projectName) }),
        ...(cursor !== undefined && { after: parseCursor(cursor) }),
        // One more than asked for tells whether there is a next page.
        limit: limit + 1,
      },
      options,
    )
    const page = allocations.slice(0, limit)
    const last = page.at(-1)
    if (allocations.length <= limit || !last) return { allocations: page, total }
    return {
      allocations: page,
      total,
      nextCursor: `${last.portNumber}/${last.protocol}/${last.hostname}`,
    }
  }

  /** How full the project's range is in one scope; default: this host, TCP. */
  async getProjectSummary(
    projectName: string,
    options: Partial<Scope> & CallOptions = {},
  ): Promise<PortSummary> {
    const scope = this.scope(options)
    const { range, allocatedPorts } = await this.#repository.summarize(
      validName('projectName', projectName),
      scope,
      options,
    )
    const totalPorts = range.endPort - range.startPort + 1
    return {
      projectName: range.projectName,
      ...scope,
      rangeStart: range.startPort,
      rangeEnd: range.endPort,
      totalPorts,
      allocatedPorts,
      availablePorts: totalPorts - allocatedPorts,
      utilization: Math.round((allocatedPorts / totalPorts) * 10_000) / 100,
    }
  }

  /**
   * Whether something is listening there now, on IPv4 or IPv6. Never binds. This host answers from
   * its kernel's tables, another by a TCP connection. It informs; it never gives a port away.
   * @throws {PortsError} `UNVERIFIABLE` where that cannot be told, so that no is never a guess
   */
  async verifyPort(
    port: number,
    hostname?: string,
    protocol: Protocol = 'tcp',
    options: CheckOptions = {},
  ): Promise<boolean> {
    const verdict = await this.checkPort(port, hostname, protocol, options)
    if (verdict === 'unknown') throw unverifiable({ port, ...this.scope({ hostname, protocol }) })
    return verdict === 'listening'
  }

  /** As `verifyPort`, with `unknown` as an answer. */
  async checkPort(
    port: number,
    hostname?: string,
    protocol: Protocol = 'tcp',
    options: CheckOptions = {},
  ): Promise<Verdict> {
    const scope = this.scope({ hostname, protocol })
    return checkListener({ port: validPort('port', port), ...scope }, this.#localHost, options)
  }

  /**
   * Compares every allocation with what is listening now and keeps the result: a health check per
   * allocation, `in_use` and the last use on what listens, `allocated` on what no longer does. What
   * cannot be told keeps its status and counts as unverified. This host is read from its kernel's
   * tables once; other hosts are connected to in parallel. Releases nothing.
   */
  async auditPorts(options: AuditOptions = {}): Promise<AuditResult> {
    return auditPorts(this.#repository, this.#localHost, options)
  }

  /** All ranges, by start port. */
  async listRanges(options: CallOptions = {}): Promise<PortRange[]> {
    return [...(await this.#repository.listRanges(options))]
  }

  /**
   * Gives a project its range: the one named, or the lowest free block of `size` numbers in
   * 3000–32767 that starts on a multiple of `size`.
   * @throws {PortsError} `RANGE_OVERLAP` naming the range in the way; `RANGE_EXHAUSTED` when no
   * block of that size is free
   */
  async createRange(range: NewRange, options: CallOptions = {}): Promise<PortRange> {
    const projectName = validName('projectName', range.projectName)
    const description =
      range.description === undefined
        ? {}
        : { description: validText('description', range.description, MAX_LENGTH.description) }
    if ('size' in range && range.size !== undefined) {
      if ('startPort' in range || 'endPort' in range) {
        throw invalidArgument('size', range.size, 'given alone, or left out beside start and end')
      }
      const size = validCount('size', range.size, LARGEST_BLOCK)
      return this.#repository.createNextRange({ projectName, size, ...description }, options)
    }
    const bounds = validBounds(range as PortRange)
    return this.#repository.createRange({ projectName, ...bounds, ...description }, options)
  }

  /**
   * Moves the ends of a project's range.
   * @throws {PortsError} `RANGE_OVERLAP`; `RANGE_IN_USE` naming the live allocations left outside
   */
  async resizeRange(
    projectName: string,
    bounds: { readonly startPort: number; readonly endPort: number },
    options: CallOptions = {},
  ): Promise<PortRange> {
    const name = validName('projectName', projectName)
    return this.#repository.resizeRange(name, validBounds(bounds), options)
  }

  /** @throws {PortsError} `RANGE_IN_USE` naming the live allocations */
  async deleteRange(projectName: string, options: CallOptions = {}): Promise<void> {
    await this.#repository.deleteRange(validName('projectName', projectName), options)
  }

  #request(projectName: unknown, serviceName: unknown, options: GetOptions) {
    return {
      projectName: validName('projectName', projectName),
      serviceName: validName('serviceName', serviceName),
      ...this.scope(options),
      ...validMetadata(options),
    }
  }

  #selection(projectName: unknown, serviceName: unknown, options: UpdateOptions): Selection {
    const { protocol, portNumber } = options
    return {
      projectName: validName('projectName', projectName),
      serviceName: validName('serviceName', serviceName),
      hostname: this.#localHost.resolve('hostname', options.hostname),
      ...(protocol !== undefined && { protocol: validProtocol('protocol', protocol) }),
      ...(portNumber !== undefined && { portNumber: validPort('portNumber', portNumber) }),
    }
  }
}

const METADATA = {
  serviceType: (value: unknown) => validText('serviceType', value, MAX_LENGTH.serviceType),
  description: (value: unknown) => validText('description', value, MAX_LENGTH.description),
  cloudflareHostname: (value: unknown) => validHostname('cloudflareHostname', value),
} as const

const METADATA_FIELDS = Object.keys(METADATA) as (keyof Metadata)[]

function validMetadata(given: Metadata): Metadata {
  const fields = METADATA_FIELDS.filter((field) => given[field] !== undefined)
  return Object.fromEntries(fields.map((field) => [field, METADATA[field](given[field])]))
}

function validChange(change: MetadataChange): MetadataChange {
  const fields = METADATA_FIELDS.filter((field) => change[field] !== undefined)
  if (fields.length === 0) {
    throw invalidArgument('change', change, `at least one of ${METADATA_FIELDS.join(', ')}`)
  }
  return Object.fromEntries(
    fields.map((field) => [field, change[field] === null ? null : METADATA[field](change[field])]),
  )
}

function validBounds(bounds: { startPort: unknown; endPort: unknown }) {
  const startPort = validPort('startPort', bounds.startPort)
  const endPort = validPort('endPort', bounds.endPort)
  if (endPort < startPort) {
    throw invalidArgument('endPort', endPort, `at least the startPort, ${startPort}`)
  }
  return { startPort, endPort }
}

function parseCursor(cursor: unknown): PageKey {
  const [, port, protocol, hostname] = /^(\d{1,5})\/(tcp|udp)\/(.+)$/.exec(String(cursor)) ?? []
  try {
    return {
      portNumber: validPort('cursor', Number(port)),
      protocol: validProtocol('cursor', protocol),
      hostname: validHostname('cursor', hostname),
    }
  } catch {
    throw invalidArgument('cursor', cursor, 'the nextCursor of a page before')
  }
}
