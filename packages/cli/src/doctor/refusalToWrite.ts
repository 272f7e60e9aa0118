import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * The file system type of proc(5) in statfs(2). Nobody can create a file there, although access(2)
 * reports write access to root.
 */
const PROC = 0x9fa0

/**
 * The reason why this user cannot write in a directory or create it. Undefined if none is found.
 * Writes nothing.
 */
export function refusalToWrite(directory: string): string | undefined {
  const existing = nearestExisting(directory)
  if (process.platform === 'linux' && statfsSync(existing).type === PROC) {
    return `${existing} is on a file system that cannot hold the files of users`
  }
  try {
    accessSync(existing, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return `this user may not write in ${existing} (${(error as NodeJS.ErrnoException).code})`
  }
}

function nearestExisting(directory: string): string {
  return existsSync(directory) ? directory : nearestExisting(dirname(directory))
}
