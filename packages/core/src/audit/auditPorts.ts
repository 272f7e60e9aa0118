import pLimit from 'p-limit'
import { given } from '../absent.js'
import type { CallOptions } from '../CallOptions.js'
import { type CheckOptions, validTimeout } from '../listeners/checkListener.js'
import { lookupOnce } from '../listeners/lookupOnce.js'
import type { LocalHost } from '../localHost.js'
import { validName } from '../name.js'
import type { PortAllocation } from '../PortAllocation.js'
import type { PortRepository } from '../PortRepository.js'
import { validCount, validFunction } from '../validate.js'
import {
  type AuditConflict,
  type AuditResult,
  type AuditUnverified,
  CONFLICT_KINDS,
} from './Audit.js'
import { decisiveSocket, processOf } from './checkedProcess.js'
import {
  type Audited,
  conflictOfState,
  ephemeralConflicts,
  hostnameConflicts,
  type Seen,
  unregisteredConflict,
} from './conflictsOf.js'
import { described } from './described.js'
import { HostView } from './HostView.js'

export interface AuditOptions extends CheckOptions {
  /** Only that project. Default: all. */
  readonly projectName?: string
  /** Only that host. Default: all. */
  readonly hostname?: string
  /** After so many days without a listener a service is idle, from 1 to 3650. Default: 30. */
  readonly idleDays?: number
  /** Called after each allocation. */
  readonly onProgress?: (checked: number, total: number) => void
}

const IDLE_DAYS = 30
const MAX_IDLE_DAYS = 3650
const DAY_MS = 24 * 60 * 60 * 1000

/** Beyond this many connections at once, an audit gains nothing and floods the other side. */
const PROBES_AT_ONCE = 64

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
  const { idleDays = IDLE_DAYS, onProgress } = options
  if (onProgress !== undefined) validFunction('onProgress', onProgress)
  const { projectName, hostname } = validScope(options, localHost)
  const idleMs = validCount('idleDays', idleDays, MAX_IDLE_DAYS) * DAY_MS
  const repository = await openRepository()
  const { allocations } = await repository.list(given({ projectName, hostname }), options)
  const ranges = await repository.listRanges(options)
  const host = await HostView.of(localHost, repository, options)
  const local = allocations.filter(({ hostname }) => host.isLocal(hostname))
  const owned = ranges.filter((each) => (projectName ?? each.projectName) === each.projectName)
  const strays = host.isLocal(hostname ?? localHost.name) ? host.strays(owned, local) : []
  const seen = await seeAll(allocations, host, { ...options, timeoutMs })
  const processes = await host.processesOf([
    ...seen.filter(isListening).flatMap(({ allocation }) => host.socketsOf(allocation)),
    ...strays.flatMap(({ sockets }) => sockets),
  ])
  const audited = seen.map((each): Audited => {
    if (!isListening(each)) return { ...each, sockets: [] }
    const { allocation } = each
    return { ...each, sockets: processes.attribute(host.socketsOf(allocation), allocation) }
  })
  options.signal?.throwIfAborted()
  await repository.recordChecks(
    audited.map(({ allocation, sighting, sockets }) => ({
      allocationId: allocation.id,
      verdict: sighting.verdict,
      ...processOf(decisiveSocket(sockets)),
    })),
    options,
  )
  const idleBefore = new Date(Date.now() - idleMs)
  const standard = {
    ownerUid,
    idleBefore,
    checkedSince: await firstChecksOf(audited, idleBefore, repository, options),
  }
  return resultOf(audited, [
    ...audited.flatMap((each) => conflictOfState(each, standard)),
    ...strays.map((each) => {
      const sockets = processes.attribute(each.sockets, undefined)
      return unregisteredConflict(each, localHost.name, sockets, ownerUid)
    }),
    ...ephemeralConflicts(local, host.ephemeral),
    ...hostnameConflicts(allocations),
  ])
}

function validScope({ projectName, hostname }: AuditOptions, localHost: LocalHost) {
  return {
    projectName: projectName === undefined ? undefined : validName('projectName', projectName),
    hostname: hostname === undefined ? undefined : localHost.resolve('hostname', hostname),
  }
}

async function seeAll(
  allocations: readonly PortAllocation[],
  host: HostView,
  { timeoutMs, signal, onProgress }: AuditOptions & { readonly timeoutMs: number },
): Promise<Seen[]> {
  const probe = { timeoutMs, signal, lookup: lookupOnce() }
  let checked = 0
  return pLimit(PROBES_AT_ONCE).map(allocations, async (allocation) => {
    signal?.throwIfAborted()
    const { hostname, protocol, portNumber: port } = allocation
    const sighting = await host.see({ hostname, protocol, port }, probe)
    signal?.throwIfAborted()
    checked += 1
    onProgress?.(checked, allocations.length)
    return { allocation, sighting }
  })
}

function isListening({ sighting }: Seen): boolean {
  return sighting.verdict === 'listening'
}

/** The times of the first kept checks of the allocations that may be idle and were never in use. */
async function firstChecksOf(
  audited: readonly Seen[],
  idleBefore: Date,
  repository: PortRepository,
  call: CallOptions,
): Promise<Map<string, Date>> {
  const ids = audited
    .filter(({ sighting }) => sighting.verdict === 'not-listening')
    .map(({ allocation }) => allocation)
    .filter(({ lastUsedAt, allocatedAt }) => lastUsedAt === undefined && allocatedAt < idleBefore)
    .map(({ id }) => id)
  const health = await repository.healthOf(ids, call)
  return new Map([...health].map(([id, { oldestCheckAt }]) => [id, oldestCheckAt]))
}

function resultOf(audited: readonly Audited[], conflicts: readonly AuditConflict[]): AuditResult {
  const count = (wanted: Seen['sighting']['verdict']) =>
    audited.filter(({ sighting }) => sighting.verdict === wanted).length
  return {
    allocated: audited.length,
    inUse: count('listening'),
    notRunning: count('not-listening'),
    unverified: count('unknown'),
    conflicts: conflicts.toSorted(byPortAndKind),
    unverifiedPorts: audited.flatMap(unverified),
  }
}

/** The sort is stable, so hosts and protocols stay in the order of the list. */
function byPortAndKind(one: AuditConflict, other: AuditConflict): number {
  const kindOf = ({ kind }: AuditConflict) => CONFLICT_KINDS.indexOf(kind)
  return one.port - other.port || kindOf(one) - kindOf(other)
}

function unverified({ allocation, sighting }: Seen): AuditUnverified[] {
  if (sighting.verdict !== 'unknown') return []
  return [{ ...described(allocation, 'unverified'), reason: sighting.reason }]
}
