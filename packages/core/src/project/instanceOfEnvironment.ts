import { validInstance } from '../instance.js'
import { currentDirectory } from './currentDirectory.js'
import { rootWithFile } from './findProject.js'
import { isInside } from './isInside.js'

/**
 * Reads the environment once, and returns a function that tells which instance of a project it
 * names. `PORTS_INSTANCE` names the instance; empty text is the primary one. `ports run` also sets
 * `PORTS_PROJECT` and `PORTS_CHECKOUT`: the instance then does not apply to another project, or in a
 * directory outside that checkout. The function returns undefined if no instance applies.
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export function instanceOfEnvironment(): (projectName: string) => string | undefined {
  const named = process.env.PORTS_INSTANCE
  const project = process.env.PORTS_PROJECT
  const checkout = process.env.PORTS_CHECKOUT
  if (named === undefined) return () => undefined
  if (checkout && !isInCheckout(checkout)) return () => undefined
  const instance = named === '' ? '' : validInstance('PORTS_INSTANCE', named)
  return (projectName) => (project && project !== projectName ? undefined : instance)
}

function isInCheckout(checkout: string): boolean {
  const directory = currentDirectory()
  if (directory === undefined || !isInside(directory, checkout)) return false
  // The project of a directory is the same in a repository within the checkout.
  return (rootWithFile(directory) ?? checkout) === checkout
}
