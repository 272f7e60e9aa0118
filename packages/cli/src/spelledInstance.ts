import {
  currentDirectory,
  nameOfInstance,
  nearestWith,
  type PortManager,
  PROJECT_FILE,
} from '@ports/core'

/** The option that names an instance on the command line. Empty for the default everywhere here. */
export function spelledInstance(
  projectName: string,
  instance: string,
  ports: PortManager,
): string[] {
  const isNamed = ports.namedInstance(projectName) !== undefined
  const directory = currentDirectory()
  const mayBeDerived =
    !isNamed && directory !== undefined && nearestWith(PROJECT_FILE, directory) !== undefined
  const isDefault = instance === ports.instance(projectName) && !mayBeDerived
  return isDefault ? [] : ['--instance', nameOfInstance(instance)]
}
