import { spawnSync } from 'node:child_process'
import { statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { skipBecause } from '../skipBecause.js'
import { place } from './homes.js'
import { isRoot } from './users.js'

/**
 * A directory of so many megabytes and no more. What uses it must be made after it, for it goes
 * when the test ends. Skips the test where nothing can be mounted.
 */
export function smallDisk(skip: (note: string) => never, megabytes: number): string {
  if (process.platform !== 'linux' || !isRoot) {
    skipBecause(skip, 'only root on Linux can mount a small disk')
  }
  const directory = place()
  const reason = run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'none', directory)
  if (reason !== undefined) skipBecause(skip, `a small disk cannot be mounted (${reason})`)
  // Lazily, for a server that was killed may not be gone altogether.
  onTestFinished(() => {
    run('umount', '--lazy', directory)
  })
  return directory
}

/** Takes writes, or none; those who have it mounted already are not asked. */
export function remount(directory: string, mode: 'ro' | 'rw'): void {
  const reason = run('mount', '-o', `remount,${mode}`, directory)
  if (reason !== undefined) throw new Error(reason)
}

/** Writes a file that leaves only so much room, and gives its path. */
export function fill(directory: string, bytesLeft = 0): string {
  const { bavail, bsize } = statfsSync(directory)
  const file = join(directory, 'filler')
  writeFileSync(file, Buffer.alloc(Math.max(0, bavail * bsize - bytesLeft)))
  return file
}

function run(command: string, ...args: string[]): string | undefined {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  return status === 0 ? undefined : (error?.message ?? stderr.trim())
}
