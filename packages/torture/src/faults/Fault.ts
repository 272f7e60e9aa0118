import type { FaultyProxy, Server, SmallDisk } from '@ports/testkit'
import type { Stuck } from '../checker/waits.js'
import type { FakeClock } from '../FakeClock.js'
import type { ServerLog } from '../ServerLog.js'
import type { Workers } from '../Workers.js'

/** A fault. It must be undone when the promise of `inject` settles. */
export interface Fault {
  readonly name: string
  /** The description for `--list`. */
  readonly what: string
  /** The relative frequency. */
  readonly weight: number
  /** Returns what the machine lacks, or undefined. */
  readonly missing?: () => string | undefined
  readonly needs?: 'network' | 'small-disk' | 'clock' | 'embedded'
  /** Returns true if the fault took place. */
  readonly inject: (context: FaultContext) => boolean | Promise<boolean>
}

/** The targets of the faults. */
export interface FaultContext {
  readonly workers: Workers
  readonly server: Server
  readonly log: ServerLog
  /** The URL with which the processes open the registry. */
  readonly url: string | undefined
  readonly proxy: FaultyProxy | undefined
  readonly smallDisk: SmallDisk | undefined
  readonly clock: FakeClock | undefined
  /** Ends early if the run ends. */
  readonly pause: (ms: number) => Promise<void>
  readonly isOver: () => boolean
  /** Informs the checker. Undefined if more than one fault is selected. */
  readonly noteStuck: ((stuck: Stuck) => void) | undefined
}

export function between(least: number, most: number) {
  return least + Math.random() * (most - least)
}

/** Returns whether the query returned a true value. A server that is down counts as false. */
export function happened(answer: Promise<Record<string, unknown>[]>) {
  return answer.then(
    (rows) => rows.some((row) => Object.values(row)[0]),
    () => false,
  )
}
