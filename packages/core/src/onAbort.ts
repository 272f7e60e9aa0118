/** The callbacks that wait for a signal, and the one listener of ours that calls them all. */
class Waiting {
  readonly callbacks = new Set<() => void>()

  readonly call = () => {
    for (const callback of [...this.callbacks]) callback()
  }
}

const waitingFor = new WeakMap<AbortSignal, Waiting>()

/**
 * Calls back when the signal is aborted, or at once if it already is. Does not call back after the
 * returned function was called. A signal has one listener of ours, however many calls share it,
 * because Node warns of a leak from the eleventh on.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback()
    return () => {}
  }
  const waiting = waitingFor.get(signal) ?? new Waiting()
  // A new function, because one callback may be given twice.
  const own = () => callback()
  if (waiting.callbacks.size === 0) {
    waitingFor.set(signal, waiting)
    signal.addEventListener('abort', waiting.call, { once: true })
  }
  waiting.callbacks.add(own)
  return () => {
    // A signal with a listener is kept in memory, so the listener is removed with the last
    // callback.
    if (waiting.callbacks.delete(own) && waiting.callbacks.size === 0) {
      signal.removeEventListener('abort', waiting.call)
    }
  }
}
