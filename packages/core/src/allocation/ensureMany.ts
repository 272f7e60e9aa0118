import { isAbsent } from '../absent.js'
import type { BatchAllocation, BatchItem, BatchRequest, BatchStore, Layout } from '../BatchStore.js'
import type { WriteOptions } from '../CallOptions.js'
import { invalidArgument } from '../errors.js'
import { validName } from '../name.js'
import { PROTOCOLS, type Protocol } from '../PortAllocation.js'
import { PassedOver } from '../passedOver/PassedOver.js'
import { validCount, validObject, validProtocol } from '../validate.js'
import type { SkippedPort } from './ensurePort.js'

/** The highest number of ports of one batch. */
const MAX_BATCH = 1000

/** What a caller asks for one service of a batch. */
export interface BatchEntry extends Partial<Layout> {
  readonly service: string
  /** If it has both, each number is held for both. Default: TCP. */
  readonly protocols?: readonly Protocol[]
}

export interface SkippedInScope extends SkippedPort {
  readonly protocol: Protocol
}

export interface EnsureManyResult extends Pick<PassedOver, 'cannotSee'> {
  /** In the order of the entries, then by number and protocol. */
  readonly allocations: readonly BatchAllocation[]
  /** Available numbers below the highest new ones that were passed over. */
  readonly skipped: readonly SkippedInScope[]
}

/** Gives each service of a batch its ports. Looks once for each protocol what to pass over. */
export async function ensureMany(
  store: BatchStore,
  request: BatchRequest,
  look: (protocol: Protocol) => Promise<PassedOver>,
  call: WriteOptions,
): Promise<EnsureManyResult> {
  const protocols = new Set(request.items.flatMap((item) => item.protocols))
  const passedOver = { tcp: PassedOver.NOTHING, udp: PassedOver.NOTHING }
  for (const protocol of protocols) passedOver[protocol] = await look(protocol)
  const avoid = { tcp: passedOver.tcp.ranges, udp: passedOver.udp.ranges }
  const batch = await store.ensureMany({ ...request, avoid }, call)
  const isNew = batch.allocations.some(({ created }) => created)
  const cannotSee = [...protocols].flatMap((protocol) => passedOver[protocol].cannotSee)
  return {
    allocations: batch.allocations,
    skipped: batch.passedOver.map((each) => ({
      ...each,
      reason: passedOver[each.protocol].reasonFor(each.portNumber)!,
    })),
    cannotSee: isNew ? [...new Set(cannotSee)] : [],
  }
}

/** @throws {PortsError} `INVALID_ARGUMENT` */
export function validItems(entries: unknown): BatchItem[] {
  if (!Array.isArray(entries) || entries.length === 0) {
    throw invalidArgument('items', entries, 'a list of objects with a service')
  }
  const items = entries.map(validItem)
  const total = items.reduce((sum, { count }) => sum + count, 0)
  if (total > MAX_BATCH) {
    throw invalidArgument('count', total, `at most ${MAX_BATCH} for all services together`)
  }
  const named = new Set<string>()
  for (const { serviceName, protocols } of items) {
    for (const protocol of protocols) {
      const name = `${serviceName}/${protocol}`
      if (named.has(name)) throw invalidArgument('service', serviceName, 'named once')
      named.add(name)
    }
  }
  return items
}

/** @throws {PortsError} `INVALID_ARGUMENT` */
export function validLayout({ count, contiguous }: Partial<Layout>): Layout {
  if (!isAbsent(contiguous) && typeof contiguous !== 'boolean') {
    throw invalidArgument('contiguous', contiguous, 'true or false')
  }
  return {
    count: count === undefined || count === null ? 1 : validCount('count', count, MAX_BATCH),
    contiguous: contiguous === true,
  }
}

function validItem(entry: BatchEntry): BatchItem {
  validObject('items', entry, 'a list of objects with a service')
  const { service, protocols } = entry
  return {
    serviceName: validName('service', service),
    protocols: isAbsent(protocols) ? ['tcp'] : validProtocols(protocols),
    ...validLayout(entry),
  }
}

function validProtocols(protocols: unknown): Protocol[] {
  if (!Array.isArray(protocols) || protocols.length === 0) {
    throw invalidArgument('protocols', protocols, `a list of ${PROTOCOLS.join(' or ')}`)
  }
  return [...new Set(protocols.map((each) => validProtocol('protocols', each)))]
}
