import { groupOf, processTree } from './procFs.js'

/**
 * A process and those of its descendants that are in its process group: those to which a terminal
 * would send its signals with it. Only the process itself where that cannot be seen, which is
 * everywhere but on Linux.
 */
export function foregroundOf(pid: number): number[] {
  if (process.platform !== 'linux') return [pid]
  const group = groupOf(pid)
  return [...processTree(pid)].filter((each) => each === pid || groupOf(each) === group)
}
