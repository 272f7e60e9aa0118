import { groupOf, processTree, terminalGroupOf } from './procFs.js'

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

/**
 * Whether a terminal sends its signals to this process, and so to those that it starts. Where that
 * cannot be seen, which is everywhere but on Linux: whether it reads from a terminal.
 */
export function isInForeground(): boolean {
  if (process.platform !== 'linux') return process.stdin.isTTY
  const group = groupOf(process.pid)
  return group !== undefined && group === terminalGroupOf(process.pid)
}
