/** What waits for a signal, and the one listener of ours that calls all of it. */
class Waiting {
  readonly callbacks = new Set<() => void>()

  readonly call = () => {
    for (const callback of [...this.callbacks]) callback()
  }
}

const waitingFor = new WeakMap<AbortSignal, Waiting>()

/**
 * Calls back when the signal is aborted, at once where it is already, until the returned function is
 * called. However many calls share a signal, it has one listener of ours: Node warns of a leak from
 * the eleventh on.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback()
    return () => {}
  }
  const waiting = waitingFor.get(signal) ?? new Waiting()
  // Its own, because one function may be given twice.
  const own = () => callback()
  if (waiting.callbacks.size === 0) {
    waitingFor.set(signal, waiting)
    signal.addEventListener('abort', waiting.call, { once: true })
  }
  waiting.callbacks.add(own)
  return () => {
    // A signal that has a listener is kept in memory, so the last callback takes it away.
    if (waiting.callbacks.delete(own) && waiting.callbacks.size === 0) {
      signal.removeEventListener('abort', waiting.call)
    }
  }
}
