import type { CallOptions, Limits, WriteOptions } from './CallOptions.js'

/** Whom a limit is for. */
export type LimitSubject =
  | { readonly projectName: string; readonly actor?: never }
  /** An asterisk stands for any text. All actors that match share the limit. */
  | { readonly projectName?: never; readonly actor: string }

export type Limit = LimitSubject &
  Limits & {
    /** Who set it, as stated by the caller. A label, not a proof. */
    readonly setBy?: string
  }

export type LimitState = Limit & {
  /** How many ports they hold. */
  readonly held: number
  /** How many ports they were given in the last minute. Absent: there is no such limit. */
  readonly givenLastMinute?: number
}

/**
 * Limits how many ports a project or an actor holds, and is given in a minute. Calls that give ports
 * check the limits in the transaction that gives them, so that no number of concurrent calls passes
 * one. Actors are labels that callers choose: their limits bound accidents, not attackers. Imports
 * and moves have no limits. Each change writes one event.
 */
export interface LimitStore {
  /** Sets the limits of the subject, in place of those that it has. */
  setLimit(subject: LimitSubject, limits: Limits, call?: WriteOptions): Promise<Limit>

  /** Returns the limits that were removed, or undefined if there were none. */
  removeLimit(subject: LimitSubject, call?: WriteOptions): Promise<Limit | undefined>

  /** By project, then those of actors. */
  listLimits(call?: CallOptions): Promise<readonly LimitState[]>
}
