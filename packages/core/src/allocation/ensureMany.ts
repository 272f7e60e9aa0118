import type { AllocationStore } from '../AllocationStore.js'
import { isAbsent } from '../absent.js'
import type { BatchAllocation, BatchItem, BatchRequest, BatchStore, Layout } from '../BatchStore.js'
import type { GivingOptions } from '../CallOptions.js'
import { invalidArgument } from '../errors.js'
import { validName } from '../name.js'
import { PROTOCOLS, type Protocol } from '../PortAllocation.js'
import { PassedOver } from '../passedOver/PassedOver.js'
import { validCount, validObject, validProtocol } from '../validate.js'
import type { SkippedPort } from './ensurePort.js'
import { type SameCloudflareHostname, withSharing } from './sameCloudflareHostname.js'

/** The highest number of ports of one batch. */
const MAX_BATCH = 1000

/** A caller's request for one service of a batch. */
export interface BatchEntry extends Partial<Layout> {
  readonly service: string
  /** If both are given, each number is held for both. Default: TCP. */
  readonly protocols?: readonly Protocol[]
}

export interface SkippedInScope extends SkippedPort {
  readonly protocol: Protocol
}

/** A port of a batch, and the other services that have its Cloudflare hostname. */
export interface EnsuredAllocation extends BatchAllocation, SameCloudflareHostname {}

export interface EnsureManyResult extends Pick<PassedOver, 'cannotSee'> {
  /** In the order of the entries, then by number and protocol. */
  readonly allocations: readonly EnsuredAllocation[]
  /** Available numbers below the highest new ones that were passed over. */
  readonly skipped: readonly SkippedInScope[]
}

/** Gives each service of a batch its ports. Reads what to pass over once for each protocol. */
export async function ensureMany(
  store: BatchStore & AllocationStore,
  request: BatchRequest,
  look: (protocol: Protocol) => Promise<PassedOver>,
  call: GivingOptions,
): Promise<EnsureManyResult> {
  const protocols = new Set(request.items.flatMap((item) => item.protocols))
  const passedOver = { tcp: PassedOver.NOTHING, udp: PassedOver.NOTHING }
  for (const protocol of protocols) passedOver[protocol] = await look(protocol)
  const avoid = { tcp: passedOver.tcp.ranges, udp: passedOver.udp.ranges }
  const batch = await store.ensureMany({ ...request, avoid }, call)
  const isNew = batch.allocations.some(({ created }) => created)
  const cannotSee = [...protocols].flatMap((protocol) => passedOver[protocol].cannotSee)
  return {
    allocations: await withSharing(store, request, batch.allocations, call),
    skipped: [...protocols].flatMap((protocol) => {
      const isOfProtocol = (each: { readonly protocol: Protocol }) => each.protocol === protocol
      const avoided = batch.passedOver.filter(isOfProtocol)
      return passedOver[protocol].skipped(avoided, batch.resting.filter(isOfProtocol))
    }),
    cannotSee: isNew ? [...new Set(cannotSee)] : [],
  }
}

/** @throws {PortsError} `INVALID_ARGUMENT`, naming the entry by its place: `items[2].count` */
export function validItems(entries: unknown): BatchItem[] {
  if (!Array.isArray(entries) || entries.length === 0) {
    throw invalidArgument('items', entries, 'a list of objects with a service')
  }
  const items = entries.map((entry, nth) => validItem(entry, `items[${nth}]`))
  const total = items.reduce((sum, { count }) => sum + count, 0)
  if (total > MAX_BATCH) {
    throw invalidArgument('count', total, `at most ${MAX_BATCH} for all services together`)
  }
  const named = new Set<string>()
  for (const [nth, { serviceName, protocols }] of items.entries()) {
    for (const protocol of protocols) {
      const name = `${serviceName}/${protocol}`
      if (named.has(name)) throw invalidArgument(`items[${nth}].service`, serviceName, 'named once')
      named.add(name)
    }
  }
  return items
}

/** Options of other calls, and what to do instead. */
const MISPLACED = {
  protocol: 'left out: each item has its protocols',
  count: 'left out: each item has its count',
  contiguous: 'left out: each item says whether it is contiguous',
  preferredPort: 'left out: only a call for one port can prefer a number',
  idempotencyKey: 'left out: a batch is safe to repeat without a key',
}

/** @throws {PortsError} `INVALID_ARGUMENT` for an option that a batch would ignore */
export function refuseMisplaced(options: object): void {
  for (const [option, expected] of Object.entries(MISPLACED)) {
    if (option in options) throw invalidArgument(option, Reflect.get(options, option), expected)
  }
}

/**
 * @param prefix of the names in errors
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export function validLayout({ count, contiguous }: Partial<Layout>, prefix = ''): Layout {
  if (!isAbsent(contiguous) && typeof contiguous !== 'boolean') {
    throw invalidArgument(`${prefix}contiguous`, contiguous, 'true or false')
  }
  const isOne = count === undefined || count === null
  return {
    count: isOne ? 1 : validCount(`${prefix}count`, count, MAX_BATCH),
    contiguous: contiguous === true,
  }
}

/** @param path of the entry, for errors */
function validItem(entry: BatchEntry, path: string): BatchItem {
  validObject(path, entry, 'an object with a service')
  const { service, protocols } = entry
  return {
    serviceName: validName(`${path}.service`, service),
    protocols: isAbsent(protocols) ? ['tcp'] : validProtocols(`${path}.protocols`, protocols),
    ...validLayout(entry, `${path}.`),
  }
}

function validProtocols(field: string, protocols: unknown): Protocol[] {
  if (!Array.isArray(protocols) || protocols.length === 0) {
    throw invalidArgument(field, protocols, `a list of ${PROTOCOLS.join(' or ')}`)
  }
  return [...new Set(protocols.map((each) => validProtocol(field, each)))]
}
