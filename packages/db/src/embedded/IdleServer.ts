import { isPostmasterAlive, isStopping, postmasterPid, sleepsInRecovery } from './lockFiles.js'

/**
 * Twice the time that a server gives its processes to end after one of them crashed, before it
 * starts others to recover (SIGKILL_CHILDREN_AFTER_SECS in its postmaster.c).
 */
const IDLE_MS = 10_000
/**
 * How often the processes of an idle server may wake in that time. A process that recovers wakes
 * every ten seconds to report its progress (log_startup_progress_interval).
 */
const MOST_WAKES = 10

/**
 * Detects a server that is not ready and never will be. On a full disk, a process that takes part
 * in the recovery can fail so early that the server mistakes its exit for a part of the preceding
 * crash, and ignores it (`FatalError` in `HandleChildCrash`, postmaster.c). If it was the startup
 * process, the server never stops waiting for it. If it was the checkpointer, the startup process
 * never stops waiting for the checkpoint that was in progress.
 */
export class IdleServer {
  readonly #data: string
  #idleSince: number | undefined
  #sleepsThen = 0
  #toldToEnd: number | undefined

  constructor(data: string) {
    this.#data = data
  }

  /** True if the server was idle at every call for longer than `IDLE_MS`. Call it repeatedly. */
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
   * An immediate shutdown. It loses nothing, because the next start recovers. A server that waits
   * for one of its processes may ignore it, so the second call kills the server. The server's
   * processes then end too, and keep its lock until they have ended.
   */
  end(): void {
    const pid = postmasterPid(this.#data)
    if (pid !== undefined) process.kill(pid, pid === this.#toldToEnd ? 'SIGKILL' : 'SIGQUIT')
    this.#toldToEnd = pid
    this.#idleSince = undefined
  }
}
