import { setMaxListeners } from 'node:events'
import pLimit from 'p-limit'
import type { AuditConflict, AuditResult, Verdict } from './Audit.js'
import {
  type CheckOptions,
  checkLocal,
  checkRemote,
  validTimeout,
} from './listeners/checkListener.js'
import { lookupOnce } from './listeners/lookupOnce.js'
import { readListeners } from './listeners/readListeners.js'
import type { LocalHost } from './localHost.js'
import type { PortAllocation } from './PortAllocation.js'
import type { PortRepository } from './PortRepository.js'

export interface AuditOptions extends CheckOptions {
  /** Called after each allocation. */
  readonly onProgress?: (checked: number, total: number) => void
}

/** Beyond this many connections at once, an audit gains nothing and floods the other side. */
const PROBES_AT_ONCE = 64

interface Sighting {
  readonly allocation: PortAllocation
  readonly verdict: Verdict
}

/**
 * Compares every live allocation with what listens now, and records it. When aborted before the
 * checks are sent to the store, nothing is recorded.
 * @throws {PortsError} `INVALID_ARGUMENT`, before the store is asked anything
 * @throws the signal's reason
 */
export async function auditPorts(
  repository: PortRepository,
  localHost: LocalHost,
  options: AuditOptions,
): Promise<AuditResult> {
  const timeoutMs = validTimeout(options)
  const { allocations } = await repository.list({}, options)
  const sightings = await seeAll(allocations, localHost, { ...options, timeoutMs })
  options.signal?.throwIfAborted()
  await repository.recordChecks(
    sightings.map(({ allocation, verdict }) => ({ allocationId: allocation.id, verdict })),
    options,
  )
  return compare(sightings)
}

async function seeAll(
  allocations: readonly PortAllocation[],
  localHost: LocalHost,
  { timeoutMs, signal, onProgress }: AuditOptions & { readonly timeoutMs: number },
): Promise<Sighting[]> {
  const hostnames = new Set(allocations.map(({ hostname }) => hostname))
  const localNames = new Set([...hostnames].filter((hostname) => localHost.is(hostname)))
  const listeners = localNames.size > 0 ? await readListeners() : undefined
  const probe = { timeoutMs, signal: signal && sharedByProbes(signal), lookup: lookupOnce() }
  let checked = 0
  return pLimit(PROBES_AT_ONCE).map(allocations, async (allocation) => {
    signal?.throwIfAborted()
    const { hostname, protocol, portNumber: port } = allocation
    const target = { hostname, protocol, port }
    const verdict = localNames.has(hostname)
      ? checkLocal(target, listeners)
      : await checkRemote(target, probe)
    checked += 1
    onProgress?.(checked, allocations.length)
    return { allocation, verdict }
  })
}

/** A signal that all probes may listen to: of one of its own Node warns from the eleventh on. */
function sharedByProbes(signal: AbortSignal): AbortSignal {
  const shared = AbortSignal.any([signal])
  setMaxListeners(PROBES_AT_ONCE, shared)
  return shared
}

function compare(sightings: readonly Sighting[]): AuditResult {
  const seen = (wanted: Verdict) => sightings.filter(({ verdict }) => verdict === wanted)
  const notRunning = seen('not-listening')
  return {
    allocated: sightings.length,
    inUse: seen('listening').length,
    notRunning: notRunning.length,
    unverified: seen('unknown').length,
    conflicts: notRunning.map(({ allocation }) => conflict(allocation)),
  }
}

function conflict(allocation: PortAllocation): AuditConflict {
  return {
    port: allocation.portNumber,
    expected: `${allocation.projectName}/${allocation.serviceName}`,
    actual: 'not running',
    hostname: allocation.hostname,
    protocol: allocation.protocol,
  }
}
