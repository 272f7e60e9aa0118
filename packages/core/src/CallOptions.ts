export interface CallOptions {
  /**
   * Aborting rejects the call with the signal's reason if nothing was changed, and with
   * `OUTCOME_UNKNOWN` if a write was already sent.
   */
  readonly signal?: AbortSignal
}

/** A label for the history, not a proof. */
export interface Actor {
  /** The name of the caller, in up to 200 characters. */
  readonly actor?: string
}

export interface WriteOptions extends CallOptions, Actor {}

/** How many ports a project or an actor may hold, and may get in a minute. Absent: any number. */
export interface Limits {
  readonly maxPorts?: number
  readonly perMinute?: number
}

/** The options that a store gets for a call that allocates ports. */
export interface GivingOptions extends WriteOptions {
  /** Limits of the actor, in addition to those of the registry. */
  readonly limits?: Limits
}
