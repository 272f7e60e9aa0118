import { groupOf, processTree } from './procFs.js'

/**
 * A process and those of its descendants that are in its process group. A terminal would send its
 * signals to all of them. Only the process itself on systems other than Linux, where the others
 * cannot be seen.
 */
export function foregroundOf(pid: number): number[] {
  if (process.platform !== 'linux') return [pid]
  const group = groupOf(pid)
  return [...processTree(pid)].filter((each) => each === pid || groupOf(each) === group)
}
