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
