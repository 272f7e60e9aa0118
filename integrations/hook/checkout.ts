import { realpathSync } from 'node:fs'
import { resolve, sep } from 'node:path'
import { gitWorktree, rootWithFile } from '@ports/core'

/** Whether a directory belongs to the checkout that contains the other one. */
export function isSameCheckout(one: string | undefined, other: string): boolean {
  // Daemons leave the directory in which they were started for the root.
  if (one === undefined || one === '/') return false
  const [directory, home] = [real(one), real(other)]
  const [root, homeRoot] = [rootOf(directory), rootOf(home)]
  if (root !== undefined || homeRoot !== undefined) return root === homeRoot
  return directory === home || directory.startsWith(home + sep)
}

/**
 * The top of the worktree, which may contain several projects, else the nearest directory with a
 * `ports.json`.
 */
function rootOf(directory: string): string | undefined {
  return gitWorktree(directory)?.root ?? rootWithFile(directory)
}

/** A directory that was removed stays as it was named. */
function real(directory: string): string {
  try {
    return realpathSync(directory)
  } catch {
    return resolve(directory)
  }
}
