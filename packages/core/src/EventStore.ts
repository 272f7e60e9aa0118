import type { CallOptions } from './CallOptions.js'
import type { PortEvent } from './PortEvent.js'

/** A place in the order of events. */
export interface EventKey {
  readonly transaction: bigint
  readonly id: bigint
}

export interface EventQuery {
  readonly projectName?: string
  readonly serviceName?: string
  readonly portNumber?: number
  readonly actor?: string
  /** Only what happened then or later. */
  readonly since?: Date
  /** Only what is older than this place. */
  readonly before?: EventKey
  readonly limit: number
}

export interface EventPage {
  readonly events: readonly PortEvent[]
  /** The place of the last event, if there are more. */
  readonly next?: EventKey
}

export interface EventStore {
  /**
   * What was changed, newest first. An event appears once every transaction that began to write
   * before it has ended, so that no page misses one.
   */
  history(query: EventQuery, call?: CallOptions): Promise<EventPage>
}
