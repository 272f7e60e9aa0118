import { basename, resolve } from 'node:path'
import type { CheckoutRequest } from '../CheckoutStore.js'
import { invalidArgument } from '../errors.js'
import { nearestName } from '../name.js'
import { validText } from '../validate.js'

/** What the store's index can hold. */
const LONGEST_DIRECTORY = 600

/** An instance whose directory has a name without a letter or digit. */
const NAMELESS = 'checkout'

/** Which directory is meant, and whether Git made it as a linked worktree. */
export interface CheckoutOfDirectory {
  readonly root: string
  readonly isLinked: boolean
}

/** @throws {PortsError} `INVALID_ARGUMENT` */
export function validDirectory(field: string, value: unknown): string {
  const directory = validText(field, value, LONGEST_DIRECTORY)
  if (resolve(directory) === directory) return directory
  throw invalidArgument(
    field,
    value,
    'an absolute path without . and .., and without a slash at its end',
  )
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
