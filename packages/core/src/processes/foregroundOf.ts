import { groupOf, processTree, terminalGroupOf } from './procFs.js'

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

/**
 * Whether a terminal sends its signals to this process, and so to those that it starts. Where that
 * cannot be seen, which is everywhere but on Linux: whether it reads from a terminal.
 */
export function isInForeground(): boolean {
  if (process.platform !== 'linux') return process.stdin.isTTY
  const group = groupOf(process.pid)
  return group !== undefined && group === terminalGroupOf(process.pid)
}
