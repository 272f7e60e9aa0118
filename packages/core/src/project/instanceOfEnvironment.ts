import { validName } from '../name.js'
import { isInside } from './isInside.js'
import { workingDirectory } from './workingDirectory.js'

/**
 * Reads the environment once, and tells which instance of a project it names: `PORTS_INSTANCE`,
 * where empty text is the primary one. A run sets `PORTS_PROJECT` and `PORTS_CHECKOUT` beside it. It
 * is then not meant for another project, nor in a directory outside that one. Undefined if none is
 * meant.
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export function instanceOfEnvironment(): (projectName: string) => string | undefined {
  const named = process.env.PORTS_INSTANCE
  const project = process.env.PORTS_PROJECT
  const checkout = process.env.PORTS_CHECKOUT
  if (named === undefined) return () => undefined
  const instance = named === '' ? '' : validName('PORTS_INSTANCE', named)
  return (projectName) => {
    const isOther = project && project !== projectName
    // Calls that mean no instance work also where there is no such directory any more.
    if (isOther || (checkout && !isInside(workingDirectory(), checkout))) return undefined
    return instance
  }
}
