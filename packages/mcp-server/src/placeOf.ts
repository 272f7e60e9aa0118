import { isAbsolute } from 'node:path'
import {
  type CheckoutOfOptions,
  checkoutOf,
  findProject,
  invalidArgument,
  nameOfInstance,
  type PortManager,
  type PortsError,
  PROJECT_FILE,
  statOf,
  type WriteOptions,
} from '@ports/core'
import type { ClientRoot, ToldRoot } from './ClientRoot.js'

interface Given {
  readonly projectName?: string | undefined
  readonly instance?: string | undefined
  readonly directory?: string | undefined
}

/** Which copy of which project a call means. */
export interface Place {
  readonly projectName: string
  readonly instance: string | undefined
  /** The top directory of the copy, if it determines the instance. */
  readonly directory: string | undefined
  /** A sentence to append to the message. */
  readonly note: string
}

/**
 * The arguments, completed by a `ports.json` in the directory or above. Without a directory, that of
 * the client is used if it is on this machine. Records the checkout the first time, and makes a
 * registry if there is none.
 * @throws {PortsError} `INVALID_ARGUMENT`, `PROJECT_NOT_FOUND`
 */
export async function placeOf(
  manager: PortManager,
  given: Given,
  root: ClientRoot,
  call: WriteOptions,
): Promise<Place> {
  const start = await startOf(given, root)
  const { projectName } = given
  const place = await placeFrom(manager, given, start, { ...call, projectName })
  const doubt = doubtAbout(manager, place, start)
  return doubt === undefined
    ? place
    : { ...place, note: ` Your client ${doubt.text}. ${doubt.next}` }
}

/**
 * As `placeOf`, for changes of what is held. Makes no registry, and refuses to guess.
 * @throws {PortsError} also `NO_REGISTRY`
 */
export async function heldPlaceOf(
  manager: PortManager,
  given: Given,
  root: ClientRoot,
  call: WriteOptions,
): Promise<Place> {
  const start = await startOf(given, root)
  const { projectName } = given
  const place = await placeFrom(manager, given, start, { ...call, projectName, create: false })
  const doubt = doubtAbout(manager, place, start)
  if (doubt === undefined) return place
  throw invalidArgument(
    'directory',
    undefined,
    `given, or an instance, such as ${nameOfInstance('')}, because the client ${doubt.text}`,
  )
}

/** The reason why the client's directories may mean another copy, and the next step. */
function doubtAbout(
  manager: PortManager,
  { projectName, instance }: Place,
  { isLate, several = [] }: ToldRoot,
): { readonly text: string; readonly next: string } | undefined {
  if (instance !== undefined || manager.namedInstance(projectName) !== undefined) return undefined
  if (isLate) {
    return {
      text: 'did not tell in time in which directory it works',
      next: `If a ${PROJECT_FILE} there names ${projectName}, call again with that directory.`,
    }
  }
  const copies = several.filter((each) => isDirectory(each) && isCopy(each, projectName))
  if (copies.length === 0) return undefined
  return {
    text: `works in several directories, and a ${PROJECT_FILE} names ${projectName} in ${copies.join(' and ')}`,
    next: 'If that copy is meant, call again with its directory.',
  }
}

/** False if the file there is malformed. */
function isCopy(directory: string, projectName: string): boolean {
  try {
    const project = findProject(directory)
    return project?.namedBy === PROJECT_FILE && project.projectName === projectName
  } catch {
    return false
  }
}

async function placeFrom(
  manager: PortManager,
  { projectName, instance, directory }: Given,
  start: ToldRoot,
  call: CheckoutOfOptions,
): Promise<Place> {
  const { directory: from } = start
  const checkout = from === undefined ? undefined : await checkoutOf(manager, from, call)
  if (!checkout) {
    if (projectName === undefined) throw withoutProject(start)
    const isPrimary = instance === undefined && manager.namedInstance(projectName) === undefined
    const note =
      directory !== undefined && isPrimary
        ? ` No ${PROJECT_FILE} in ${directory} or above names ${projectName}, so its primary ` +
          'instance is meant.'
        : ''
    return { projectName, instance, directory: undefined, note }
  }
  const named = { projectName: checkout.projectName }
  return instance === undefined
    ? {
        ...named,
        instance: nameOfInstance(checkout.instance),
        directory: checkout.directory,
        note: ` This copy of ${checkout.projectName} is ${checkout.directory}.`,
      }
    : { ...named, instance, directory: undefined, note: '' }
}

/**
 * The project that is given, else the one that a `ports.json` in the directory or above names.
 * @throws {PortsError} `INVALID_ARGUMENT`
 */
export async function projectNameOf(
  { projectName, directory }: Given,
  root: ClientRoot,
): Promise<string> {
  if (projectName !== undefined) return projectName
  const start = await startOf({ directory }, root)
  const { directory: from } = start
  const project = from === undefined ? undefined : findProject(from)
  if (project?.namedBy === PROJECT_FILE) return project.projectName
  throw withoutProject(start)
}

function withoutProject({ directory, several }: ToldRoot): PortsError {
  if (directory === undefined) {
    const among = several ? `, because the client works in several: ${several.join(', ')}` : ''
    const expected = `given, or a directory with a ${PROJECT_FILE} there or above that names it${among}`
    return invalidArgument('projectName', undefined, expected)
  }
  return invalidArgument(
    'projectName',
    undefined,
    `given, because no ${PROJECT_FILE} in ${directory} or above names a project`,
    findProject(directory)?.projectName,
  )
}

/** A client may be on another machine, so its own directory need not exist here. */
async function startOf(
  { projectName, instance, directory }: Given,
  root: ClientRoot,
): Promise<ToldRoot> {
  if (directory === undefined) {
    // The directory would add nothing.
    if (projectName !== undefined && instance !== undefined) return {}
    const told = await root.told()
    return told.directory === undefined || isDirectory(told.directory) ? told : {}
  }
  if (isAbsolute(directory) && isDirectory(directory)) return { directory }
  throw invalidArgument(
    'directory',
    directory,
    'the absolute path of a directory that exists on the machine of this server, or left out',
  )
}

/** False also if this process may not inspect it. */
function isDirectory(path: string): boolean {
  try {
    return statOf(path).isDirectory()
  } catch {
    return false
  }
}
