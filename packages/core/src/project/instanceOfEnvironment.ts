import { validInstance } from '../instance.js'
import { currentDirectory } from './currentDirectory.js'
import { rootWithFile } from './findProject.js'
import { isInside } from './isInside.js'

/**
 * Reads the environment once, and tells which instance of a project it names: `PORTS_INSTANCE`,
 * where empty text is the primary one. A run sets `PORTS_PROJECT` and `PORTS_CHECKOUT` beside it. It
 * is then not meant for another project, nor in a directory outside that one or in another checkout
 * inside it. Undefined if none is meant.
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export function instanceOfEnvironment(): (projectName: string) => string | undefined {
  const named = process.env.PORTS_INSTANCE
  const project = process.env.PORTS_PROJECT
  const checkout = process.env.PORTS_CHECKOUT
  if (named === undefined) return () => undefined
  if (checkout && !isOf(currentDirectory(), checkout)) return () => undefined
  const instance = named === '' ? '' : validInstance('PORTS_INSTANCE', named)
  return (projectName) => (project && project !== projectName ? undefined : instance)
}

function isOf(directory: string | undefined, checkout: string): boolean {
  if (directory === undefined) return false
  return isInside(directory, checkout) && (rootWithFile(directory) ?? checkout) === checkout
}
