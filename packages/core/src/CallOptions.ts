export interface CallOptions {
  /**
   * Aborting rejects with the signal's reason where certainly nothing was changed, and with
   * `OUTCOME_UNKNOWN` where a write was already sent.
   */
  readonly signal?: AbortSignal
}

/** A label for the history, not a proof. */
export interface Actor {
  /** Who asks, in up to 200 characters. */
  readonly actor?: string
}

export interface WriteOptions extends CallOptions, Actor {}
