import { statOf } from '../statOf.js'

/**
 * Names a directory itself, so that it is recognized after it was moved on its file system: its inode
 * number and its time of birth, because the number is given again. Undefined if its file system tells
 * no time of birth, or if it cannot be looked at.
 */
export function identityOf(directory: string): string | undefined {
  try {
    const { ino, birthtimeNs } = statOf(directory)
    return birthtimeNs === 0n || !hasTimesOfBirth(directory) ? undefined : `${ino}:${birthtimeNs}`
  } catch {
    return undefined
  }
}

/** Without statx(2), Node tells the time of the last change of every file instead. */
function hasTimesOfBirth(directory: string): boolean {
  return [directory, process.execPath].map(statOf).some((it) => it.birthtimeNs !== it.ctimeNs)
}
