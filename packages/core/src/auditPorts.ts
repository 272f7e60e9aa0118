import pLimit from 'p-limit'
import type { AuditConflict, AuditResult, AuditUnverified } from './Audit.js'
import type { CallOptions } from './CallOptions.js'
import {
  type CheckOptions,
  checkLocal,
  checkRemote,
  validTimeout,
} from './listeners/checkListener.js'
import type { ProbeOptions } from './listeners/connectProbe.js'
import type { Endpoint } from './listeners/Listeners.js'
import { lookupOnce } from './listeners/lookupOnce.js'
import { noteServicesOf } from './listeners/network.js'
import { readListeners } from './listeners/readListeners.js'
import { type Sighting, unknownBecause } from './listeners/Sighting.js'
import type { LocalHost } from './localHost.js'
import { nameOfService, type PortAllocation } from './PortAllocation.js'
import type { PortRepository } from './PortRepository.js'
import { validFunction } from './validate.js'

export interface AuditOptions extends CheckOptions {
  /** Called after each allocation. */
  readonly onProgress?: (checked: number, total: number) => void
}

/** Beyond this many connections at once, an audit gains nothing and floods the other side. */
const PROBES_AT_ONCE = 64

/** Opens sockets for everybody: the published ports of containers, the sockets of systemd. */
const ROOT = 0

interface Audited {
  readonly allocation: PortAllocation
  readonly sighting: Sighting
}

/**
 * Compares every live allocation with what listens now, and records it. When aborted before the
 * checks are sent to the store, nothing is recorded.
 * @param ownerUid the registry's owner, if it belongs to one user
 * @throws {PortsError} `INVALID_ARGUMENT`, before the store is asked anything
 * @throws the signal's reason
 */
export async function auditPorts(
  openRepository: () => Promise<PortRepository>,
  localHost: LocalHost,
  options: AuditOptions,
  ownerUid?: number,
): Promise<AuditResult> {
  const timeoutMs = validTimeout(options)
  if (options.onProgress !== undefined) validFunction('onProgress', options.onProgress)
  const repository = await openRepository()
  const { allocations } = await repository.list({}, options)
  const look = await lookAtThisHost(allocations, repository, localHost, options)
  const audited = await seeAll(allocations, look, { ...options, timeoutMs })
  options.signal?.throwIfAborted()
  await repository.recordChecks(
    audited.map(({ allocation, sighting }) => ({
      allocationId: allocation.id,
      verdict: sighting.verdict,
    })),
    options,
  )
  return compare(audited, ownerUid)
}

type Look = (target: Endpoint, probe: ProbeOptions) => Promise<Sighting>

/** Returns how to check an allocation, given this host's sockets as they are now. */
async function lookAtThisHost(
  allocations: readonly PortAllocation[],
  repository: PortRepository,
  localHost: LocalHost,
  call: CallOptions,
): Promise<Look> {
  const hostnames = new Set(allocations.map(({ hostname }) => hostname))
  const localNames = new Set([...hostnames].filter((hostname) => localHost.is(hostname)))
  if (localNames.size === 0) return checkRemote
  const [listeners, seesServices] = await Promise.all([
    readListeners(),
    noteServicesOf(localHost.name, repository, call),
  ])
  return async (target, probe) => {
    if (!localNames.has(target.hostname)) return checkRemote(target, probe)
    if (listeners && !seesServices) return unknownBecause('other-network')
    return checkLocal(target, listeners, probe)
  }
}

async function seeAll(
  allocations: readonly PortAllocation[],
  look: Look,
  { timeoutMs, signal, onProgress }: AuditOptions & { readonly timeoutMs: number },
): Promise<Audited[]> {
  const probe = { timeoutMs, signal, lookup: lookupOnce() }
  let checked = 0
  return pLimit(PROBES_AT_ONCE).map(allocations, async (allocation) => {
    signal?.throwIfAborted()
    const { hostname, protocol, portNumber: port } = allocation
    const sighting = await look({ hostname, protocol, port }, probe)
    signal?.throwIfAborted()
    checked += 1
    onProgress?.(checked, allocations.length)
    return { allocation, sighting }
  })
}

function compare(audited: readonly Audited[], ownerUid: number | undefined): AuditResult {
  const count = (wanted: Sighting['verdict']) =>
    audited.filter(({ sighting }) => sighting.verdict === wanted).length
  return {
    allocated: audited.length,
    inUse: count('listening'),
    notRunning: count('not-listening'),
    unverified: count('unknown'),
    conflicts: audited.flatMap((each) => conflictIn(each, ownerUid)),
    unverifiedPorts: audited.flatMap(unverified),
  }
}

function conflictIn({ allocation, sighting }: Audited, ownerUid?: number): AuditConflict[] {
  switch (sighting.verdict) {
    case 'listening': {
      const uid = otherUserOf(sighting, ownerUid)
      return uid === undefined ? [] : [{ ...described(allocation, 'in use by another user'), uid }]
    }
    case 'not-listening':
      return [described(allocation, sighting.heldBy ? 'held by a connection' : 'not running')]
    case 'unknown':
      return []
  }
}

function unverified({ allocation, sighting }: Audited): AuditUnverified[] {
  if (sighting.verdict !== 'unknown') return []
  return [{ ...described(allocation, 'unverified'), reason: sighting.reason }]
}

/**
 * The uid of another user, if every socket there is known to belong to neither root nor the owner.
 */
function otherUserOf(
  { listeners = [] }: Extract<Sighting, { verdict: 'listening' }>,
  ownerUid: number | undefined,
): number | undefined {
  if (ownerUid === undefined) return undefined
  const uids = listeners.map(({ uid }) => uid)
  const others = uids.filter((uid) => uid !== undefined && uid !== ROOT && uid !== ownerUid)
  return others.length === uids.length ? others[0] : undefined
}

function described<Actual extends string>(allocation: PortAllocation, actual: Actual) {
  return {
    port: allocation.portNumber,
    expected: nameOfService(allocation),
    actual,
    hostname: allocation.hostname,
    protocol: allocation.protocol,
  }
}
