import { existsSync } from 'node:fs'

/**
 * The working directory of this process. Undefined if it was removed, or if its name is not UTF-8, so
 * that nothing in it can be found.
 */
export function currentDirectory(): string | undefined {
  try {
    const directory = process.cwd()
    return existsSync(directory) ? directory : undefined
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
