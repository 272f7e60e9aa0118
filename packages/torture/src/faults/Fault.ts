import type { Clock } from '../Clock.js'
import type { Stuck } from '../check/waits.js'
import type { Network } from '../Network.js'
import type { SmallDisk } from '../SmallDisk.js'
import type { Server } from '../server/Server.js'
import type { Workers } from '../Workers.js'

/** What goes wrong, and is right again when `inject` is over. */
export interface Fault {
  readonly name: string
  /** It is, for `--list`. */
  readonly what: string
  /** How often it is chosen, relative to the others. */
  readonly weight: number
  /** Why this machine cannot do it, and what it needs. */
  readonly missing?: () => string | undefined
  readonly needs?: 'network' | 'small-disk' | 'clock' | 'embedded'
  /** True if it was done Where it goes wrong. */
  readonly inject: (scene: Scene) => boolean | Promise<boolean>
}

/** Where it goes wrong. */
export interface Scene {
  readonly workers: Workers
  readonly server: Server
  /** As the processes open the registry. */
  readonly url: string | undefined
  readonly network: Network | undefined
  readonly smallDisk: SmallDisk | undefined
  readonly clock: Clock | undefined
  /** Shorter where the run ends before. */
  readonly pause: (ms: number) => Promise<void>
  readonly isOver: () => boolean
  /** Tells the checker; undefined if more than one fault is chosen. */
  readonly noteStuck: ((stuck: Stuck) => void) | undefined
}

export function between(least: number, most: number) {
  return least + Math.random() * (most - least)
}

/**
 * Where the answer is a row whose value is not false. What the server cannot be asked because it is
 * down is not done: that is a fault already.
 */
export function happened(answer: Promise<Record<string, unknown>[]>) {
  return answer.then(
    (rows) => rows.some((row) => Object.values(row)[0]),
    () => false,
  )
}
