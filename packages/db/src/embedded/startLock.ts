import { closeSync, fchownSync, mkdirSync, openSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { PortsError } from '@ports/core'
import { isRoot } from './serverAccount.js'

const POLL_MS = 20
const GIVE_UP_MS = 120_000

/**
 * Runs the work while no other process makes, starts or stops the server of this registry. The lock
 * is the kernel's, on an open file: it ends with the process that holds it, however that dies, so
 * it is never stale.
 */
export async function withStartLock<Result>(
  home: string,
  work: () => Promise<Result>,
): Promise<Result> {
  // Only here: finding and linking native code is not for a call whose server runs.
  const { tryLock } = await import('fs-native-extensions')
  mkdirSync(home, { recursive: true, mode: 0o755 })
  const file = openSync(join(home, 'lock'), 'a+', 0o600)
  // Root may be the first in a user's registry (sudo), but not the last.
  if (isRoot()) fchownSync(file, statSync(home).uid, statSync(home).gid)
  try {
    const giveUpAt = Date.now() + GIVE_UP_MS
    while (!tryLock(file)) {
      if (Date.now() > giveUpAt) {
        throw new PortsError(
          'BUSY',
          `Another process has been starting the database in ${home} for ` +
            `${GIVE_UP_MS / 1000} s. See "ports db status" and the log there.`,
          { home },
        )
      }
      await sleep(POLL_MS)
    }
    return await work()
  } finally {
    closeSync(file)
  }
}
