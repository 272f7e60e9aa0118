import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Checkout } from '../CheckoutStore.js'
import { identityOf } from './identityOf.js'
import { isGone } from './isGone.js'

/**
 * The current path of a recorded directory of this host: the recorded path or, if that is gone, one
 * beside it or beside another directory. Undefined if the directory is in none of these places.
 */
export function currentPlace(
  { directory, identity }: Checkout,
  other: string = directory,
): string | undefined {
  if (!isGone(directory)) return directory
  if (identity === undefined) return undefined
  const beside = [...new Set([directory, other].map(dirname))].flatMap(directoriesIn)
  return beside.find((each) => identityOf(each) === identity)
}

/** None if it cannot be read. */
function directoriesIn(parent: string): string[] {
  try {
    const entries = readdirSync(parent, { withFileTypes: true })
    return entries.filter((each) => each.isDirectory()).map(({ name }) => join(parent, name))
  } catch {
    return []
  }
}
