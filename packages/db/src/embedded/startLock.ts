import { closeSync, constants, existsSync, fstatSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PortsError } from '@ports/core'
import {
  describe,
  type Holder,
  holderHere,
  isStopped,
  isVisible,
  READ_WRITE_CREATE,
  readRecord,
  writeRecord,
} from './lockHolder.js'
import { openOwnFile } from './ownFile.js'
import { clusterFiles } from './registryHome.js'
import type { Notify } from './serverAccount.js'
import { makeDirectories, refuseForeignDirectory } from './trustedPath.js'

const POLL_MS = 20
/** A caller that waits longer than this is told which process it waits for. */
const QUIET_MS = 1500
/** How long a holder may be seen stopped before callers give up: longer than a debugger's step. */
const STOPPED_MS = 5_000
/** Twice the time that a start may take after a crash. */
const GIVE_UP_MS = 120_000

/** The contents of the lock's file, about its holder and about the registry. */
interface StartRecord extends Holder {
  /** True once a registry was made here. Data that are missing are then lost. */
  readonly made?: boolean
}

export interface StartLock {
  /** Records in the lock's file that there are data now. */
  noteMade(): void
}

/**
 * Runs the work while no other process makes, starts or stops the server of this registry. The lock
 * is the kernel's, on an open file: it ends with the process that holds it, however that dies, so
 * it is never stale.
 * @throws {PortsError} `DATABASE_UNAVAILABLE` naming the holder, when it is stopped or takes too long
 */
export async function withStartLock<Result>(
  home: string,
  notify: Notify,
  work: (lock: StartLock) => Promise<Result>,
): Promise<Result> {
  const file = await takeLock(home, notify)
  try {
    const { made } = readRecord<StartRecord>(file) ?? {}
    const note = (isMade: boolean | undefined) =>
      writeRecord(file, { ...holderHere(process.pid), made: isMade })
    note(made)
    return await work({
      noteMade: () => {
        if (!made) note(true)
      },
    })
  } finally {
    closeSync(file)
  }
}

/** Opens and locks the lock's file. */
async function takeLock(home: string, notify: Notify): Promise<number> {
  // Imported only here, so that a call whose server runs does not load native code.
  const { tryLock } = await import('fs-native-extensions')
  for (;;) {
    makeDirectories(home)
    refuseForeignDirectory(home)
    const file = openOwnFile(lockFile(home), READ_WRITE_CREATE, process.getuid!())
    try {
      const turn = new Turn(home, file, notify)
      while (!tryLock(file)) {
        turn.check()
        await sleep(POLL_MS)
      }
      if (isStillThere(home, file)) return file
    } catch (error) {
      closeSync(file)
      throw error
    }
    closeSync(file)
  }
}

/** False if another process has removed the file with its registry meanwhile. */
function isStillThere(home: string, file: number): boolean {
  const there = statSync(lockFile(home), { throwIfNoEntry: false })
  return there?.ino === fstatSync(file).ino
}

/** Whether a process of the registry has recorded itself there. */
export function hasLockRecord(home: string): boolean {
  return readLock(home)?.pid !== undefined
}

/** Whether there was a registry: its lock's file says so, or its server has written a log. */
export function wasMade(home: string): boolean {
  if (existsSync(clusterFiles.log(join(home, 'data')))) return true
  return readLock(home)?.made === true
}

function readLock(home: string): Partial<StartRecord> | undefined {
  if (!existsSync(lockFile(home))) return undefined
  const file = openOwnFile(lockFile(home), constants.O_RDONLY, process.getuid!())
  try {
    return readRecord<StartRecord>(file)
  } finally {
    closeSync(file)
  }
}

export function lockFile(home: string): string {
  return join(home, 'lock')
}

/** A caller's wait for the lock. */
class Turn {
  readonly #home: string
  readonly #file: number
  readonly #notify: Notify
  readonly #since = Date.now()
  #isTold = false
  #stoppedSince: number | undefined

  constructor(home: string, file: number, notify: Notify) {
    this.#home = home
    this.#file = file
    this.#notify = notify
  }

  /** @throws {PortsError} `DATABASE_UNAVAILABLE` when it is time to give up */
  check(): void {
    const waited = Date.now() - this.#since
    if (waited < QUIET_MS) return
    const holder = readRecord<StartRecord>(this.#file)
    const name = isHolder(holder) ? describe(holder) : 'another process'
    const isDoing = `is making, starting or stopping the database in ${this.#home}`
    if (!this.#isTold) this.#notify(`waiting for ${name}, which ${isDoing}`)
    this.#isTold = true

    const stopped = isHolder(holder) && isVisible(holder) && isStopped(holder)
    this.#stoppedSince = stopped ? (this.#stoppedSince ?? Date.now()) : undefined
    if (stopped && Date.now() - this.#stoppedSince! > STOPPED_MS) {
      throw new PortsError(
        'DATABASE_UNAVAILABLE',
        `${name} ${isDoing}, but is stopped (Ctrl-Z or SIGSTOP). Nothing was changed. ` +
          `Resume it (kill -CONT ${holder.pid}) or end it (kill -KILL ${holder.pid}), and try again.`,
        { home: this.#home, pid: holder.pid },
      )
    }
    if (waited > GIVE_UP_MS) {
      throw new PortsError(
        'DATABASE_UNAVAILABLE',
        `${name} has been working on the database in ${this.#home} for ${GIVE_UP_MS / 1000} s. ` +
          'Nothing was changed. The log there says what the database is doing.',
        { home: this.#home },
      )
    }
  }
}

function isHolder(record: Partial<StartRecord> | undefined): record is StartRecord {
  return typeof record?.pid === 'number' && typeof record.host === 'string'
}
