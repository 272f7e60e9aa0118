import { isPostmasterAlive, isStopping, postmasterPid, sleepsInRecovery } from './lockFiles.js'

/**
 * Twice what a server gives its processes to end after one of them crashed (SIGKILL_CHILDREN_AFTER_SECS
 * in its postmaster.c), before it lets another recover.
 */
const IDLE_MS = 10_000
/**
 * How often the processes of an idle server may wake meanwhile. One that recovers wakes every ten
 * seconds, to say how far it is (log_startup_progress_interval).
 */
const MOST_WAKES = 10

/**
 * Notices that a server which is not ready will never be. On a full disk, one of the processes that
 * recover can fail so early that the server takes its end for a part of the crash before, and ignores
 * it (`FatalError` in `HandleChildCrash`, postmaster.c). If that was the startup process, the server
 * never stops waiting for it; if it was the checkpointer, the startup process never stops waiting for
 * the checkpoint that was under way.
 */
export class IdleServer {
  readonly #data: string
  #idleSince: number | undefined
  #sleepsThen = 0
  #toldToEnd: number | undefined

  constructor(data: string) {
    this.#data = data
  }

  /** To be asked again and again: whether it was idle whenever this was asked for long enough. */
  isStuck(): boolean {
    const isIdle =
      isPostmasterAlive(this.#data) && (isStopping(this.#data) || !this.#isRecovering())
    this.#idleSince = isIdle ? (this.#idleSince ?? Date.now()) : undefined
    return this.#idleSince !== undefined && Date.now() - this.#idleSince > IDLE_MS
  }

  #isRecovering(): boolean {
    const sleeps = sleepsInRecovery(this.#data)
    if (sleeps === undefined) return false
    if (this.#idleSince === undefined) this.#sleepsThen = sleeps
    return sleeps === Number.POSITIVE_INFINITY || sleeps - this.#sleepsThen > MOST_WAKES
  }

  /**
   * An immediate shutdown, which loses nothing: the next start recovers. A server that waits for one
   * of its processes may ignore that too, so it is killed the second time. Its processes end when it
   * is killed, and keep its lock until then.
   */
  end(): void {
    const pid = postmasterPid(this.#data)
    if (pid !== undefined) process.kill(pid, pid === this.#toldToEnd ? 'SIGKILL' : 'SIGQUIT')
    this.#toldToEnd = pid
    this.#idleSince = undefined
  }
}
