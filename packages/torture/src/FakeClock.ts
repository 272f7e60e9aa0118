import { existsSync, renameSync, writeFileSync } from 'node:fs'

const LIBRARIES = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib64/faketime/libfaketimeMT.so.1',
  '/usr/lib/faketime/libfaketimeMT.so.1',
]

/** The wall clock of processes that are started with its environment. */
export class FakeClock {
  #file: string
  #leaves: (files: string[]) => void
  #pids = new Set<number>()

  /**
   * @param file every account can read it
   * @param leaves receives the files that a killed process leaves
   */
  constructor(file: string, leaves: (files: string[]) => void) {
    this.#file = file
    this.#leaves = leaves
    this.set(0)
  }

  static missing() {
    if (process.platform !== 'linux') return 'needs Linux and libfaketime'
    if (library() === undefined) return 'needs libfaketime: apt-get install faketime'
    return undefined
  }

  get environment() {
    return {
      LD_PRELOAD: String(library()),
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_CACHE_DURATION: '1',
      // Histories use the monotonic clock.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    }
  }

  /** @param seconds the offset from the true time */
  set(seconds: number) {
    const next = `${this.#file}.next`
    writeFileSync(next, `${seconds < 0 ? '' : '+'}${seconds}\n`, { mode: 0o644 })
    renameSync(next, this.#file)
  }

  /** Records a process that was started with the environment. */
  note(pid: number | undefined) {
    if (pid === undefined) return
    this.#pids.add(pid)
    this.#leaves([`/dev/shm/faketime_shm_${pid}`, `/dev/shm/sem.faketime_sem_${pid}`])
  }

  isFor(pid: number | undefined) {
    return pid !== undefined && this.#pids.has(pid)
  }
}

function library() {
  return LIBRARIES.find((path) => existsSync(path))
}
