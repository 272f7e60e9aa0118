import { dirname, join } from 'node:path'
import { statOf } from '../statOf.js'
import { gitWorktree } from './gitWorktree.js'

/**
 * The directory or the nearest one above it that has such a file. A file of another user counts
 * only in a directory of that user, because anybody can write one to /tmp, and its commands would
 * be run.
 */
export function nearestWith(file: string, directory: string): string | undefined {
  const [path] = filesAbove([file], directory)
  return path === undefined ? undefined : dirname(path)
}

/** As `nearestWith`, for a `package.json`, and not above the repository of the directory. */
export function nearestPackage(directory: string): string | undefined {
  const [path] = filesInRepository(['package.json'], directory)
  return path === undefined ? undefined : dirname(path)
}

/**
 * The paths of the files with these names in the directory and those above it, up to the top of its
 * repository if there is one. The nearest are first, and those in one directory in the order of the
 * names. Files of others count as for `nearestWith`.
 */
export function filesInRepository(names: readonly string[], directory: string): Iterable<string> {
  return filesAbove(names, directory, gitWorktree(directory)?.root)
}

function* filesAbove(names: readonly string[], directory: string, top?: string): Generator<string> {
  const trusted = [BigInt(process.getuid?.() ?? 0), 0n, ownerOf(directory)]
  for (let each = directory; ; each = dirname(each)) {
    for (const path of names.map((name) => join(each, name))) {
      const owner = ownerOf(path)
      if (owner !== undefined && trusted.includes(owner)) yield path
    }
    if (each === top || dirname(each) === each) return
  }
}

/** Undefined if it is not there, or may not be looked at. */
function ownerOf(path: string): bigint | undefined {
  try {
    return statOf(path).uid
  } catch {
    return undefined
  }
}
