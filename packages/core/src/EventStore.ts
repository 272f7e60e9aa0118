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
  /** Only events from this time or later. */
  readonly since?: Date
  /** Only events before this place, which are older. */
  readonly before?: EventKey
  readonly limit: number
}

export interface EventPage {
  readonly events: readonly PortEvent[]
  /** The place of the last event of the page. Absent on the last page. */
  readonly next?: EventKey
}

export interface EventStore {
  /**
   * Returns changes, newest first. An event appears only when every transaction that began to write
   * before its own has ended, so that no page misses one.
   */
  history(query: EventQuery, call?: CallOptions): Promise<EventPage>
}
