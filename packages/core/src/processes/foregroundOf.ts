import { groupOf, processTree, terminalGroupOf } from './procFs.js'

/**
 * A process and those of its descendants that are in its process group. A terminal sends its
 * signals to all of them. On systems other than Linux, the descendants cannot be seen, and the
 * result is the process alone.
 */
export function foregroundOf(pid: number): number[] {
  if (process.platform !== 'linux') return [pid]
  const group = groupOf(pid)
  return [...processTree(pid)].filter((each) => each === pid || groupOf(each) === group)
}

/**
 * Whether a terminal sends its signals to this process, and so to the processes that it starts. On
 * systems other than Linux this cannot be seen. There the answer is whether stdin is a terminal.
 */
export function isInForeground(): boolean {
  if (process.platform !== 'linux') return process.stdin.isTTY
  const group = groupOf(process.pid)
  return group !== undefined && group === terminalGroupOf(process.pid)
}
