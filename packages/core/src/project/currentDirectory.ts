import { existsSync } from 'node:fs'

/**
 * The working directory of this process. Undefined if it was removed, may not be entered, or has a name
 * that is not UTF-8, so that nothing in it can be found.
 */
export function currentDirectory(): string | undefined {
  try {
    const directory = process.cwd()
    return existsSync(directory) ? directory : undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'EACCES') return undefined
    throw error
  }
}
