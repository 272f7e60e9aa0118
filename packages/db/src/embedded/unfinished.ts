import { readdirSync } from 'node:fs'
import { join } from 'node:path'

interface Unfinished {
  readonly path: string
  /** The process that makes or removes the directory. */
  readonly pid: number
}

/**
 * The directories here that are named by the prefix and the pid of the process that makes or removes
 * them. Anything else with such a name is not of a registry.
 */
export function unfinishedIn(directory: string, prefix: string): Unfinished[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.startsWith(prefix))
    .map(({ name }) => ({ path: join(directory, name), suffix: name.slice(prefix.length) }))
    .filter(({ suffix }) => /^\d+$/.test(suffix))
    .map(({ path, suffix }) => ({ path, pid: Number(suffix) }))
}
