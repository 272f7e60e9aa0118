import type { CallOptions, WriteOptions } from './CallOptions.js'
import type { ErrorDetails, PortsErrorCode } from './errors.js'
import type { Metadata, ServiceKey } from './PortAllocation.js'
import type { RegistryContent, RegistryDocument } from './transfer/RegistryDocument.js'

/** A number that a service uses already. */
export interface Holding extends ServiceKey, Metadata {
  readonly portNumber: number
  /** The host to which a range that is created for the number is bound. Absent: every host. */
  readonly boundTo?: string
}

export interface ImportMode {
  /** Reports what the import would do, and changes nothing. */
  readonly dryRun: boolean
  /** Imports the holdings that are in no conflict. */
  readonly skipConflicts: boolean
}

/** The outcome of one row of an import. */
export interface ImportOutcome {
  /**
   * `held`: the service held the number before. `conflict`: another service or project
   * has it, or it is reserved.
   */
  readonly outcome: 'claimed' | 'held' | 'conflict'
  /** Whether the import changes anything for the row. It seldom does for a `held` one. */
  readonly changes: boolean
  /** Whether the number becomes a range of the project. */
  readonly createsRange: boolean
  /** Whether the port is held and gets metadata that it lacks. */
  readonly addsMetadata: boolean
  /**
   * The port that `getOrAllocate` returned for the service before, if it returns this row's from
   * then on.
   */
  readonly insteadOf?: number
  readonly conflict?: {
    readonly code: PortsErrorCode
    readonly message: string
    readonly details: ErrorDetails
  }
}

/** Imports holdings, and dumps and loads a whole registry. */
export interface TransferStore {
  /**
   * Claims each number for its service. A number that no project owns first becomes a range of the
   * project. If a service has several numbers, `ensure` then returns the first. If there is a
   * conflict that is not to be skipped, nothing is changed. The outcomes are in the order of the
   * holdings, whether anything was changed or not.
   */
  importPorts(
    holdings: readonly Holding[],
    mode: ImportMode,
    call?: WriteOptions,
  ): Promise<readonly ImportOutcome[]>

  /** The registry as it is at one moment. */
  dump(call?: CallOptions): Promise<RegistryContent>

  /**
   * Loads a document into a registry that holds no port. Unused default ranges are replaced.
   * @throws {PortsError} `RANGE_IN_USE` if it holds ports, `RANGE_OVERLAP` if a range stands in the
   * way, `PORT_OUT_OF_RANGE` if a port of the document is outside its ranges, `INVALID_ARGUMENT`
   * for a value that the tables refuse
   */
  load(document: RegistryDocument, call?: WriteOptions): Promise<void>
}
