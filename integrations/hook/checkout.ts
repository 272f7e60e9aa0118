import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** Whether two directories belong to the same checkout. */
export function isSameCheckout(one: string | undefined, other: string): boolean {
  // Daemons leave the directory in which they were started for the root.
  return one !== undefined && one !== '/' && rootOf(one) === rootOf(other)
}

/**
 * The checkout that contains the directory: the nearest one with a `.git`, which a linked worktree
 * also has, else the nearest with a `ports.json`, else the directory itself.
 */
function rootOf(directory: string): string {
  const place = real(directory)
  return above(place, '.git') ?? above(place, 'ports.json') ?? place
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
