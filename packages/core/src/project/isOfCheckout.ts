import { rootWithFile } from './findProject.js'
import { gitWorktree } from './gitWorktree.js'
import { isInside } from './isInside.js'

/**
 * Whether a directory belongs to a checkout, and to none that lies within it. Both are absolute. A
 * checkout within it counts whether or not it is recorded: its server may never have asked for a
 * port.
 */
export function isOfCheckout(directory: string, checkout: string): boolean {
  if (!isInside(directory, checkout)) return false
  const root = checkoutRootOf(directory)
  return root === undefined || isInside(checkout, root)
}

/**
 * The top of the checkout that contains a directory: where a `ports.json` names a project, or the
 * linked worktree below that, else the top of the repository. Undefined without any.
 */
function checkoutRootOf(directory: string): string | undefined {
  return rootWithFile(directory) ?? gitWorktree(directory)?.root
}
