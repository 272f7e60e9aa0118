import { statOf } from '../statOf.js'

/**
 * Identifies a directory, so that it is recognized after it was moved on its file system: its inode
 * number and its time of birth, because inode numbers are reused. Undefined if its file system has
 * no times of birth, or if the directory cannot be accessed.
 */
export function identityOf(directory: string): string | undefined {
  try {
    const { ino, birthtimeNs } = statOf(directory)
    return birthtimeNs === 0n || !hasTimesOfBirth(directory) ? undefined : `${ino}:${birthtimeNs}`
  } catch {
    return undefined
  }
}

/** Without statx(2), Node reports the time of the last change of every file instead. */
function hasTimesOfBirth(directory: string): boolean {
  return [directory, process.execPath].map(statOf).some((it) => it.birthtimeNs !== it.ctimeNs)
}
