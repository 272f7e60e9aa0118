import { rootWithFile } from './findProject.js'
import { isInside } from './isInside.js'

/** Whether a directory belongs to a checkout, and to none that lies within it. Both are absolute. */
export function isOfCheckout(directory: string, checkout: string): boolean {
  return isInside(directory, checkout) && (rootWithFile(directory) ?? checkout) === checkout
}
