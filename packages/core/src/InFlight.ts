import { onAbort } from './onAbort.js'

/**
 * Calls that come while one with the same key is under way share it, so a result is never older than
 * the call that began it. Nothing is kept afterwards.
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

/** Ends the wait, and not the call: others may wait for it too. */
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
