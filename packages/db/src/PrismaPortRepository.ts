import {
  type AllocationRequest,
  BLOCK_SEARCH,
  type Bounds,
  type CallOptions,
  type HealthCheck,
  type ListQuery,
  type ListResult,
  type MetadataChange,
  type NewAllocationRequest,
  noFreeBlock,
  type PortAllocation,
  type PortRange,
  type PortRepository,
  PortsError,
  projectNotFound,
  type RangeUsage,
  type ReleasedPort,
  rangeExhausted,
  type Scope,
  type Selection,
  type ServiceKey,
} from '@ports/core'
import type { Pool, QueryResultRow } from 'pg'
import { GroupCommit, type SharedCall } from './GroupCommit.js'
import type { PortAllocation as AllocationRow } from './generated/prisma/client.js'
import type { PrismaClient } from './prismaClient.js'
import { abortable, runStatement, type Statement } from './runStatement.js'
import { type CallSubject, translate } from './sqlState.js'
import {
  ALLOCATE,
  ALLOCATE_TOGETHER,
  CREATE_NEXT_RANGE,
  countQuestion,
  GET_OR_ALLOCATE,
  GET_OR_ALLOCATE_WITH_METADATA,
  LIST_RANGES,
  listQuestion,
  NEIGHBOURS,
  NOTE_NETWORK,
  RECORD_CHECKS,
  RELEASE,
  RELEASE_TOGETHER,
  SUMMARIZE,
} from './statements.js'

/**
 * The name that the only host of an embedded registry has in the table of hosts, whatever it is
 * called elsewhere.
 */
const ONLY_HOST = 'localhost'

const LIVE = { status: { not: 'released' } } as const

/**
 * The registry in PostgreSQL. What must be fast goes through prepared statements, the rest through
 * Prisma, which is loaded when the first of it is asked; both on one pool.
 */
export class PrismaPortRepository implements PortRepository {
  readonly #pool: Pool
  readonly #prepares: boolean
  readonly #servesOneHost: boolean
  readonly #allocations = new GroupCommit<number>(
    ({ values, subject, signal }) =>
      this.#answer(ALLOCATE, [...values, undefined], subject, { signal }),
    (calls) => this.#answerTogether(ALLOCATE_TOGETHER, calls),
  )
  readonly #releases = new GroupCommit<readonly ReleasedPort[]>(
    ({ values, subject, signal }) => this.#answer(RELEASE, values, subject, { signal }),
    (calls) => this.#answerTogether(RELEASE_TOGETHER, calls),
  )
  #prisma: Promise<PrismaClient> | undefined

  /**
   * @param prepares whether a connection may keep prepared statements
   * @param servesOneHost whether all callers are on the machine of the server
   */
  constructor(pool: Pool, prepares = true, servesOneHost = false) {
    this.#pool = pool
    this.#prepares = prepares
    this.#servesOneHost = servesOneHost
  }

  async getOrAllocate(request: AllocationRequest, call: CallOptions = {}): Promise<number> {
    const subject = {
      write: true,
      resolveBy: 'Ask again: it gives the same port, or one if there is none.',
    }
    const { serviceType, description, cloudflareHostname } = request
    return (serviceType ?? description ?? cloudflareHostname) === undefined
      ? this.#answer(GET_OR_ALLOCATE, keyOf(request), subject, call)
      : this.#answer(GET_OR_ALLOCATE_WITH_METADATA, valuesOf(request), subject, call)
  }

  async allocate(request: NewAllocationRequest, call: CallOptions = {}): Promise<number> {
    const { projectName, idempotencyKey } = request
    const values = valuesOf(request)
    if (idempotencyKey === undefined) {
      const subject = { write: true, resolveBy: `To find out, list the ports of ${projectName}.` }
      return this.#allocations.run({ values, subject, signal: call.signal })
    }
    const subject = {
      write: true,
      resolveBy:
        'Ask again under the same key: it gives the port that this call got, if it got one.',
    }
    return this.#answer(ALLOCATE, [...values, idempotencyKey], subject, call)
  }

  async release(selection: Selection, call: CallOptions = {}): Promise<readonly ReleasedPort[]> {
    const { projectName, serviceName, hostname, protocol, portNumber } = selection
    const released = await this.#releases.run({
      values: [projectName, serviceName, hostname, protocol, portNumber],
      subject: { write: true, resolveBy: 'Release it again: that does no harm.' },
      signal: call.signal,
    })
    return released.toSorted(
      (a, b) => a.portNumber - b.portNumber || (a.protocol < b.protocol ? -1 : 1),
    )
  }

  async update(
    selection: Selection,
    change: MetadataChange,
    call: CallOptions = {},
  ): Promise<boolean> {
    const subject = { write: true, resolveBy: 'Update it again: that does no harm.' }
    const { count } = await this.#ask(subject, call, (prisma) =>
      prisma.portAllocation.updateMany({ where: { ...selection, ...LIVE }, data: change }),
    )
    if (count === 0) await this.#requireRange(selection.projectName, call)
    return count > 0
  }

  async list(query: ListQuery, call: CallOptions = {}): Promise<ListResult> {
    const { projectName, limit } = query
    const page = listQuestion(query)
    const all = countQuestion(query)
    const [{ rows }, counted] = await Promise.all([
      this.#run<ListedRow>(page.statement, page.values, { write: false }, call),
      limit === undefined
        ? undefined
        : this.#answer<number>(all.statement, all.values, { write: false }, call),
    ])
    const total = counted ?? rows.length
    if (total === 0 && projectName !== undefined) await this.#requireRange(projectName, call)
    return { allocations: rows.map(toAllocation), total }
  }

  async summarize(projectName: string, scope: Scope, call: CallOptions = {}): Promise<RangeUsage> {
    const { hostname, protocol } = scope
    const values = [projectName, hostname, protocol]
    const { rows } = await this.#run(SUMMARIZE, values, { write: false }, call)
    const row = rows[0]
    if (!row) throw await this.#unknownProject(projectName)
    const { start_port: startPort, end_port: endPort, description } = row
    return {
      range: toRange({ projectName, startPort, endPort, description }),
      allocatedPorts: row.allocated_ports,
    }
  }

  async recordChecks(checks: readonly HealthCheck[], call: CallOptions = {}): Promise<void> {
    await this.#run(
      RECORD_CHECKS,
      [checks.map((check) => check.allocationId), checks.map((check) => check.verdict)],
      { write: true, resolveBy: 'Audit again: that does no harm.' },
      call,
    )
  }

  async networkOf(
    hostname: string,
    network: string,
    call: CallOptions = {},
  ): Promise<string | undefined> {
    const values = this.#servesOneHost
      ? [ONLY_HOST, network, 'nothing']
      : [hostname, network, 'another-boot']
    const subject = { write: true, resolveBy: 'Check again: that does no harm.' }
    return (await this.#answer<string | null>(NOTE_NETWORK, values, subject, call)) ?? undefined
  }

  /**
   * Records that the only host's services are in the network namespace of this process, because it
   * made the registry or started its server. A record of the initial namespace is kept.
   */
  async noteOwnNetwork(network: string): Promise<void> {
    await this.#answer(NOTE_NETWORK, [ONLY_HOST, network, 'any'], { write: true }, {})
  }

  async listRanges(call: CallOptions = {}): Promise<PortRange[]> {
    const { rows } = await this.#run<RangeRow>(LIST_RANGES, [], { write: false }, call)
    return rows.map(toRange)
  }

  async createRange(range: PortRange, call: CallOptions = {}): Promise<PortRange> {
    const row = await this.#ask({ ...RANGE_WRITE, range }, call, (prisma) =>
      prisma.portRange.create({ data: range }),
    )
    return toRange(row)
  }

  async createNextRange(
    request: { projectName: string; size: number; description?: string },
    call: CallOptions = {},
  ): Promise<PortRange> {
    const { projectName, size, description } = request
    const { rows } = await this.#run(
      CREATE_NEXT_RANGE,
      [projectName, size, BLOCK_SEARCH.startPort, BLOCK_SEARCH.endPort, description],
      { ...RANGE_WRITE, range: { projectName } },
      call,
    )
    const row = rows[0]
    if (!row) throw noFreeBlock(size, BLOCK_SEARCH)
    return {
      projectName,
      startPort: row.start_port,
      endPort: row.end_port,
      ...present({ description }),
    }
  }

  async resizeRange(
    projectName: string,
    bounds: { startPort: number; endPort: number },
    call: CallOptions = {},
  ): Promise<PortRange> {
    const subject = { ...RANGE_WRITE, range: { projectName, ...bounds }, bounds }
    const [row] = await this.#ask(subject, call, (prisma) =>
      prisma.portRange.updateManyAndReturn({ where: { projectName }, data: bounds }),
    )
    if (!row) throw await this.#unknownProject(projectName)
    return toRange(row)
  }

  async deleteRange(projectName: string, call: CallOptions = {}): Promise<void> {
    const { count } = await this.#ask(RANGE_WRITE, call, (prisma) =>
      prisma.portRange.deleteMany({ where: { projectName } }),
    )
    if (count === 0) throw await this.#unknownProject(projectName)
  }

  async close(): Promise<void> {
    if (this.#pool.ended) return
    await (await this.#prisma)?.$disconnect()
    await this.#pool.end()
  }

  async #answer<Answer>(
    statement: Statement,
    values: readonly unknown[],
    subject: CallSubject,
    call: CallOptions,
  ): Promise<Answer> {
    const { rows } = await this.#run<{ answer: Answer }>(statement, values, subject, call)
    return rows[0]!.answer
  }

  async #answerTogether<Answer>(
    statement: Statement,
    calls: readonly SharedCall[],
  ): Promise<Answer[]> {
    const columns = calls[0]!.values.map((_, column) => calls.map(({ values }) => values[column]))
    const { rows } = await this.#run<{ turn: number; answer: Answer }>(
      statement,
      columns,
      { write: true },
      {},
    )
    const answers: Answer[] = []
    for (const { turn, answer } of rows) answers[turn - 1] = answer
    return answers
  }

  async #run<Row extends QueryResultRow>(
    { name, text }: Statement,
    values: readonly unknown[],
    subject: CallSubject,
    call: CallOptions,
  ) {
    const query = this.#prepares ? { name, text } : { text }
    try {
      return await runStatement<Row>(this.#pool, query, values, subject, call.signal)
    } catch (error) {
      if (!(error instanceof PortsError)) throw error
      switch (error.code) {
        case 'PROJECT_NOT_FOUND':
          throw await this.#unknownProject(String(error.details.projectName), error)
        case 'RANGE_EXHAUSTED':
          throw await this.#withNeighbours(error)
        default:
          throw error
      }
    }
  }

  async #ask<Result>(
    subject: CallSubject,
    { signal }: CallOptions,
    question: (prisma: PrismaClient) => Promise<Result>,
  ): Promise<Result> {
    signal?.throwIfAborted()
    this.#prisma ??= import('./prismaClient.js').then(({ createPrismaClient }) =>
      createPrismaClient(this.#pool),
    )
    const prisma = await this.#prisma
    try {
      return await abortable(question(prisma), subject, signal)
    } catch (error) {
      throw signal?.aborted && error === signal.reason ? error : translate(error, subject)
    }
  }

  async #requireRange(projectName: string, call: CallOptions): Promise<void> {
    const range = await this.#ask({ write: false }, call, (prisma) =>
      prisma.portRange.findUnique({ where: { projectName } }),
    )
    if (!range) throw await this.#unknownProject(projectName)
  }

  /** Adds the neighbouring ranges to the error. It is returned as it is if they cannot be read. */
  async #withNeighbours(full: PortsError): Promise<PortsError> {
    const { projectName, range, hostname, protocol } = full.details as {
      projectName: string
      range: Bounds
      hostname: string
      protocol: string
    }
    const exhausted = { projectName, ...range, hostname, protocol }
    try {
      const values = [range.startPort, range.endPort]
      const { rows } = await this.#run<RangeRow>(NEIGHBOURS, values, { write: false }, {})
      const below = rows.find(({ endPort }) => endPort < range.startPort)
      const above = rows.find(({ startPort }) => startPort > range.endPort)
      const neighbours = {
        ...(below && { below: toRange(below) }),
        ...(above && { above: toRange(above) }),
      }
      return rangeExhausted(exhausted, neighbours, full.cause)
    } catch {
      return full
    }
  }

  async #unknownProject(projectName: string, cause?: unknown): Promise<PortsError> {
    const ranges = await this.listRanges()
    return projectNotFound(
      projectName,
      ranges.map((range) => range.projectName),
      cause,
    )
  }
}

const RANGE_WRITE = { write: true, resolveBy: 'To find out, list the ranges.' } as const

function keyOf({ projectName, serviceName, hostname, protocol }: ServiceKey) {
  return [projectName, serviceName, hostname, protocol]
}

function valuesOf(request: AllocationRequest) {
  const { serviceType, description, cloudflareHostname } = request
  return [...keyOf(request), serviceType, description, cloudflareHostname]
}

/** A row of the table as a list query returns it. */
type ListedRow = AllocationRow & { readonly lastCheckedAt: Date | null }

function toAllocation(row: ListedRow): PortAllocation {
  return {
    id: String(row.id),
    portNumber: row.portNumber,
    projectName: row.projectName,
    serviceName: row.serviceName,
    allocatedAt: row.allocatedAt,
    hostname: row.hostname,
    protocol: row.protocol as PortAllocation['protocol'],
    status: row.status as PortAllocation['status'],
    ...present({
      serviceType: row.serviceType,
      description: row.description,
      cloudflareHostname: row.cloudflareHostname,
      lastUsedAt: row.lastUsedAt,
      lastCheckedAt: row.lastCheckedAt,
    }),
  }
}

interface RangeRow {
  readonly projectName: string
  readonly startPort: number
  readonly endPort: number
  readonly description: string | null
}

function toRange({ projectName, startPort, endPort, description }: RangeRow): PortRange {
  return { projectName, startPort, endPort, ...present({ description }) }
}

type Present<Fields> = { [Field in keyof Fields]?: NonNullable<Fields[Field]> }

/** The fields that have a value: what the database calls null is absent in the registry's types. */
function present<Fields extends Record<string, unknown>>(fields: Fields): Present<Fields> {
  const entries = Object.entries(fields).filter(([, value]) => value != null)
  return Object.fromEntries(entries) as Present<Fields>
}
