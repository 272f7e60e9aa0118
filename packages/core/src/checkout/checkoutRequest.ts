import { basename, resolve } from 'node:path'
import type { CheckoutRequest } from '../CheckoutStore.js'
import { invalidArgument } from '../errors.js'
import { nearestName } from '../name.js'
import { validText } from '../validate.js'

/** The longest path that the store's index can hold. */
const LONGEST_DIRECTORY = 600

/** The name of an instance if that of its directory has no letter or digit. */
const NAMELESS = 'checkout'

/** A directory, and whether it is a linked Git worktree. */
export interface CheckoutOfDirectory {
  readonly root: string
  readonly isLinked: boolean
}

/** @throws {PortsError} `INVALID_ARGUMENT` */
export function validDirectory(field: string, value: unknown): string {
  const directory = validText(field, value, LONGEST_DIRECTORY)
  if (resolve(directory) === directory) return directory
  throw invalidArgument(field, value, 'an absolute path without ., .. or a slash at the end')
}

/** @throws {PortsError} `INVALID_ARGUMENT` */
export function checkoutRequest(
  projectName: string,
  hostname: string,
  { root, isLinked }: CheckoutOfDirectory,
): CheckoutRequest {
  const directory = validDirectory('root', root)
  const wanted = nearestName(basename(directory)) ?? NAMELESS
  return { projectName, hostname, directory, isLinked: isLinked === true, wanted }
}
