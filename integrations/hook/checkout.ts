import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, resolve, sep } from 'node:path'

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
 * The nearest directory with a `.git`, which a linked worktree also has, else the nearest with a
 * `ports.json`.
 */
function rootOf(directory: string): string | undefined {
  return above(directory, '.git') ?? above(directory, 'ports.json')
}

function above(directory: string, file: string): string | undefined {
  for (let at = directory; ; at = dirname(at)) {
    if (existsSync(join(at, file))) return at
    if (at === dirname(at)) return undefined
  }
}

/** A directory that was removed stays as it was named. */
function real(directory: string): string {
  try {
    return realpathSync(directory)
  } catch {
    return resolve(directory)
  }
}
