import type { CallOptions, WriteOptions } from './CallOptions.js'
import type { Service } from './PortAllocation.js'

/** The identity of a process, and the directory in which it was started. */
export interface ProcessRecord {
  readonly pid: number
  /** The boot of its host and when it was started. They distinguish a pid that is used again. */
  readonly started: string
  readonly directory?: string
  readonly command?: string
}

/** A process that was started for an allocation. */
export interface RecordedProcess extends ProcessRecord, Service {
  readonly allocationId: string
  readonly hostname: string
  readonly recordedAt: Date
}

/** Stores which process was started last for an allocation. */
export interface ProcessStore {
  /**
   * Records the process in place of the one recorded before.
   * @returns false if the holding has ended
   */
  recordProcess(allocationId: string, process: ProcessRecord, call?: WriteOptions): Promise<boolean>

  /** The recorded processes of the live allocations of a host. */
  listProcesses(hostname: string, call?: CallOptions): Promise<readonly RecordedProcess[]>
}
