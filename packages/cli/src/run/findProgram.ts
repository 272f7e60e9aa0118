import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'
import { statOf } from '@ports/core'

/**
 * Whether a program can be started in a directory, as execvp(3) would look for it. Without a `PATH`
 * it is not looked for, because the system then has one of its own.
 */
export function findProgram(
  program: string,
  directory: string,
  path: string | undefined,
): 'runnable' | 'not-runnable' | 'missing' {
  if (path === undefined && !program.includes('/')) return 'runnable'
  const places = program.includes('/') ? [''] : path!.split(delimiter)
  const found = places
    .map((place) => resolve(directory, place, program))
    .filter((file) => program !== '' && existsSync(file))
  if (found.length === 0) return 'missing'
  return found.some(isRunnable) ? 'runnable' : 'not-runnable'
}

function isRunnable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statOf(file).isFile()
  } catch {
    return false
  }
}
