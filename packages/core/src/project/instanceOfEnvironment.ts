import { validName } from '../name.js'
import { isInside } from './isInside.js'

/**
 * Reads the environment once, and tells which instance of a project it names: `PORTS_INSTANCE`,
 * where empty text is the primary one. A run sets `PORTS_PROJECT` and `PORTS_CHECKOUT` beside it. It
 * is then not meant for another project, nor in a directory outside that one. Undefined if none is
 * meant.
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export function instanceOfEnvironment(): (projectName: string) => string | undefined {
  const { PORTS_INSTANCE, PORTS_PROJECT, PORTS_CHECKOUT } = process.env
  if (PORTS_INSTANCE === undefined) return () => undefined
  if (PORTS_CHECKOUT && !isInside(process.cwd(), PORTS_CHECKOUT)) return () => undefined
  const instance = PORTS_INSTANCE === '' ? '' : validName('PORTS_INSTANCE', PORTS_INSTANCE)
  return (projectName) => (PORTS_PROJECT && PORTS_PROJECT !== projectName ? undefined : instance)
}
