import type { HealthCheck } from './audit/Audit.js'
import type { CallOptions } from './CallOptions.js'
import type { Health, RecordedCheck } from './health/Health.js'

/** Stores the results of checks and the network namespaces of hosts. */
export interface CheckStore {
  /**
   * Stores the checks, keeps the newest 100 of each allocation, and sets status and last use from
   * them. A check of an allocation that was released meanwhile is dropped.
   */
  recordChecks(checks: readonly HealthCheck[], call?: CallOptions): Promise<void>

  /**
   * The health of these allocations according to the kept checks, by id. Allocations without a
   * check are omitted.
   */
  healthOf(
    allocationIds: readonly string[],
    call?: CallOptions,
  ): Promise<ReadonlyMap<string, Health>>

  /** The kept checks of an allocation, newest first. */
  checksOf(
    allocationId: string,
    limit: number,
    call?: CallOptions,
  ): Promise<readonly RecordedCheck[]>

  /**
   * Returns the network namespace (`networkHere`) in which the services of a host run. `initial` is
   * recorded permanently. A store that several hosts share also records `network` if it knows of
   * none, or only of one from an earlier boot. The store of a single host learns it from the
   * process that made or started it.
   * @returns undefined if none is known
   */
  networkOf(hostname: string, network: string, call?: CallOptions): Promise<string | undefined>

  /** Returns what `networkOf` would return for any `network` but `initial`. Records nothing. */
  assumedNetworkOf(
    hostname: string,
    network: string,
    call?: CallOptions,
  ): Promise<string | undefined>
}
