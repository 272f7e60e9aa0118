import { statOf } from '../statOf.js'

/** Whether a directory of this host no longer exists. One that may not be looked into is not gone. */
export function isGone(directory: string): boolean {
  try {
    return !statOf(directory).isDirectory()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR'
  }
}
