import type { WriteOptions } from './CallOptions.js'
import type { ErrorDetails, PortsErrorCode } from './errors.js'
import type { Metadata, ServiceKey } from './PortAllocation.js'
import type { RegistryContent, RegistryDocument } from './transfer/RegistryDocument.js'

/** A number that a service has already, in the registry's terms. */
export interface Holding extends ServiceKey, Metadata {
  readonly portNumber: number
  /** The host that a range is bound to if one is made for the number. Absent: every host. */
  readonly boundTo?: string
}

export interface ImportMode {
  /** Finds out what an import would do, and changes nothing. */
  readonly dryRun: boolean
  /** Imports what it can beside the conflicts. */
  readonly skipConflicts: boolean
}

/** What becomes of one row of an import. */
export interface ImportOutcome {
  /** `held` by that service before; a `conflict` names who else has the number. */
  readonly outcome: 'claimed' | 'held' | 'conflict'
  /** Whether the number becomes a range of the project. */
  readonly createsRange: boolean
  readonly conflict?: {
    readonly code: PortsErrorCode
    readonly message: string
    readonly details: ErrorDetails
  }
}

/** Takes holdings in, and takes a registry out and puts it back. */
export interface TransferStore {
  /**
   * Claims each number for its service. A number that is nobody's first becomes a range of the
   * project. If there is a conflict that is not to be skipped, nothing is changed. The outcomes are
   * in the order of the holdings, whether anything was changed or not.
   */
  importPorts(
    holdings: readonly Holding[],
    mode: ImportMode,
    call?: WriteOptions,
  ): Promise<readonly ImportOutcome[]>

  /** The registry as it is at one moment. */
  dump(call?: WriteOptions): Promise<RegistryContent>

  /**
   * Puts a document into a registry that holds no port. Unused default ranges are replaced.
   * @throws {PortsError} `RANGE_IN_USE` if it holds ports, `RANGE_OVERLAP` if a range stands in the
   * way, `INVALID_ARGUMENT` if the document contradicts itself
   */
  load(document: RegistryDocument, call?: WriteOptions): Promise<void>
}
