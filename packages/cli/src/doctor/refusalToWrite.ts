import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'

/** The type of proc(5) in statfs(2). Nobody can make a file there, though root may write everywhere. */
const PROC = 0x9fa0

/** Why this user cannot write in a directory, or make it. Undefined if nothing shows that. Writes nothing. */
export function refusalToWrite(directory: string): string | undefined {
  const existing = nearestExisting(directory)
  if (process.platform === 'linux' && statfsSync(existing).type === PROC) {
    return `${existing} is of a file system that holds no files of users`
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
