import {
  currentDirectory,
  findProject,
  invalidArgument,
  type LocalProject,
  nearestPackage,
  PortsError,
  PROJECT_FILE,
  type ProjectRequest,
  packageNameIn,
} from '@ports/core'

/** The name of a service if nothing else names it. */
export const DEFAULT_SERVICE = 'web'

/**
 * The working directory.
 * @throws {PortsError} `INVALID_ARGUMENT` if it was removed, may not be entered, or is not UTF-8
 */
export function directoryHere(): string {
  const directory = currentDirectory()
  if (directory !== undefined) return directory
  throw new PortsError(
    'INVALID_ARGUMENT',
    'The working directory cannot be used: it was removed, this user may not enter it, or its name is ' +
      'not UTF-8. Change to another directory first.',
    { field: 'directory' },
  )
}

/** The project of a directory, and the service that is meant. */
export interface Here {
  readonly project: LocalProject
  readonly request: ProjectRequest
  readonly serviceName: string
}

/**
 * @param serviceName the one that was typed
 * @throws {PortsError} `INVALID_ARGUMENT` if nothing names the project, or the service is not clear
 */
export function here(directory: string, serviceName: string | undefined): Here {
  const project = projectHere(directory)
  const service = serviceName ?? onlyService(project, directory)
  refuseUnlisted(project, service)
  return {
    project,
    serviceName: service,
    request: {
      ...requestOf(project, { [service]: {}, ...project.services }),
      needed: [service],
    },
  }
}

/** @throws {PortsError} `INVALID_ARGUMENT` if `ports.json` lists services, but not this one */
export function refuseUnlisted({ services }: LocalProject, service: string): void {
  const names = Object.keys(services)
  if (names.length === 0 || names.includes(service)) return
  throw invalidArgument('service', service, `one of ${names.join(', ')}`)
}

/** @throws {PortsError} `INVALID_ARGUMENT` if nothing names the project */
export function projectHere(directory: string): LocalProject {
  const project = findProject(directory)
  if (project) return project
  throw invalidArgument(
    'directory',
    directory,
    'in a project: one with a ports.json (ports init writes one), a package.json with a name, or a ' +
      'Git remote',
  )
}

export function requestOf(
  project: LocalProject,
  services: ProjectRequest['services'],
): ProjectRequest {
  const { projectName, root, isLinked, namedBy } = project
  return { projectName, root, isLinked, hasFile: namedBy === PROJECT_FILE, services }
}

function onlyService(project: LocalProject, directory: string): string {
  const service = serviceHere(project, directory)
  if (service !== undefined) return service
  const names = Object.keys(project.services)
  throw invalidArgument('service', undefined, `given: one of ${names.join(', ')}`)
}

/** The service that is meant if none is named. Undefined if the project has more than one. */
export function serviceHere(
  { projectName, services, root }: LocalProject,
  directory: string,
): string | undefined {
  const names = Object.keys(services)
  if (names.length === 1) return names[0]
  const packageRoot = nearestPackage(directory)
  const isMember = packageRoot !== undefined && packageRoot !== root
  const packageName = isMember ? packageNameIn(packageRoot) : undefined
  if (names.length > 0) return names.find((name) => name === packageName)
  return packageName === undefined || packageName === projectName ? DEFAULT_SERVICE : packageName
}
