import { statSync } from 'node:fs'

/** Whether a directory of this host no longer exists. One that cannot be read is not gone. */
export function isGone(directory: string): boolean {
  try {
    return !statSync(directory).isDirectory()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR'
  }
}
