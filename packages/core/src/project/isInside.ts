import { relative, sep } from 'node:path'

/** Whether a directory is the other one or below it. Both paths are absolute. */
export function isInside(directory: string, other: string): boolean {
  const path = relative(other, directory)
  return path !== '..' && !path.startsWith(`..${sep}`)
}
