import { onAbort } from './onAbort.js'

/**
 * Shares a call among all callers that ask for the same key while it is in progress. Nothing is kept
 * afterwards, so a result is never older than the call that began it.
 */
export class InFlight<Key, Result> {
  readonly #begin: (key: Key) => Promise<Result>
  readonly #underWay = new Map<Key, Promise<Result>>()

  constructor(begin: (key: Key) => Promise<Result>) {
    this.#begin = begin
  }

  /** @throws the signal's reason; what the shared call throws */
  get(key: Key, signal?: AbortSignal): Promise<Result> {
    return unlessAborted(this.#underWay.get(key) ?? this.#start(key), signal)
  }

  #start(key: Key): Promise<Result> {
    const begun = this.#begin(key).finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, begun)
    return begun
  }
}

/** An abort ends only this wait, not the call, because others may be waiting for it. */
async function unlessAborted<Result>(
  shared: Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (!signal) return shared
  let forget = () => {}
  const aborted = new Promise<never>((_, reject) => {
    forget = onAbort(signal, () => reject(signal.reason))
  })
  try {
    return await Promise.race([shared, aborted])
  } finally {
    forget()
  }
}
