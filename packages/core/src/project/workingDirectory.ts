import { isGone } from '../checkout/isGone.js'
import { PortsError } from '../errors.js'
import { shownName } from '../excerpt.js'

/**
 * The directory of this process, for what depends on it.
 * @throws {PortsError} `INVALID_ARGUMENT` if it no longer exists, or its name is not UTF-8, so that
 * nothing in it can be found
 */
export function workingDirectory(): string {
  const directory = ownDirectory()
  if (directory === undefined) throw unusable('no longer exists')
  if (isGone(directory)) throw unusable(`has a name that is not UTF-8: ${shownName(directory)}`)
  return directory
}

/** Undefined if the system has no name for it any more. */
function ownDirectory(): string | undefined {
  try {
    return process.cwd()
  } catch {
    return undefined
  }
}

function unusable(why: string): PortsError {
  const message = `The working directory ${why}. Change to another directory.`
  return new PortsError('INVALID_ARGUMENT', message, { field: 'directory' })
}
