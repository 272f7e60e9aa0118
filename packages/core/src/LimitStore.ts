import type { CallOptions, Limits, WriteOptions } from './CallOptions.js'

/** The project or the actors that a limit applies to. */
export type LimitSubject =
  | { readonly projectName: string; readonly actor?: never }
  /** An asterisk stands for any text. All actors that match share the limit. */
  | { readonly projectName?: never; readonly actor: string }

export type Limit = LimitSubject &
  Limits & {
    /** The actor that set it, as stated by the caller. A label, not a proof. */
    readonly setBy?: string
  }

export type LimitState = Limit & {
  /** How many ports the subject holds. */
  readonly held: number
  /** How many ports the subject got in the last minute. Absent if there is no such limit. */
  readonly givenLastMinute?: number
}

/**
 * Limits how many ports a project or an actor may hold, and may get in a minute. Calls that
 * allocate ports check the limits in the same transaction, so that concurrent calls cannot exceed
 * one. Actors are labels that callers choose, so their limits protect against accidents, not
 * against attackers. Imports and moves have no limits. Each change writes one event.
 */
export interface LimitStore {
  /** Sets the limits of the subject. They replace its existing ones. */
  setLimit(subject: LimitSubject, limits: Limits, call?: WriteOptions): Promise<Limit>

  /** Returns the limits that were removed, or undefined if there were none. */
  removeLimit(subject: LimitSubject, call?: WriteOptions): Promise<Limit | undefined>

  /** The limits of projects, by name, then those of actors. */
  listLimits(call?: CallOptions): Promise<readonly LimitState[]>
}
