import { isAbsolute } from 'node:path'
import {
  type Checkout,
  checkoutOf,
  findProject,
  invalidArgument,
  type PortManager,
  type PortsError,
  PROJECT_FILE,
  statOf,
  type WriteOptions,
} from '@ports/core'
import type { ClientRoot } from './ClientRoot.js'

interface Given {
  readonly projectName?: string | undefined
  readonly instance?: string | undefined
  readonly directory?: string | undefined
}

/** Which copy of which project a call means. */
export interface Place {
  readonly projectName: string
  readonly instance: string | undefined
  /** The top directory of the copy, if that says which instance is meant. */
  readonly directory: string | undefined
  /** A sentence to append to the message. */
  readonly note: string
}

/**
 * What is given, and what a `ports.json` in the directory or above says besides. Without a
 * directory, that of the client counts if it is on this machine. Records the checkout the first
 * time, and makes a registry if there is none.
 * @throws {PortsError} `INVALID_ARGUMENT`, `PROJECT_NOT_FOUND`
 */
export function placeOf(
  manager: PortManager,
  given: Given,
  root: ClientRoot,
  call: WriteOptions,
): Promise<Place> {
  return place(given, root, (directory) =>
    checkoutOf(manager, directory, { ...call, projectName: given.projectName }),
  )
}

/**
 * As `placeOf`, but makes no registry.
 * @throws {PortsError} also `NO_REGISTRY`
 */
export function heldPlaceOf(
  manager: PortManager,
  given: Given,
  root: ClientRoot,
  call: WriteOptions,
): Promise<Place> {
  return place(given, root, (directory) =>
    checkoutOf(manager, directory, { ...call, projectName: given.projectName, create: false }),
  )
}

async function place(
  { projectName, instance, directory }: Given,
  root: ClientRoot,
  findCheckout: (directory: string) => Promise<Checkout | undefined>,
): Promise<Place> {
  const from = await directoryOf(directory, root)
  const checkout = from === undefined ? undefined : await findCheckout(from)
  if (!checkout) {
    if (projectName === undefined) throw withoutProject(from)
    const note =
      directory !== undefined && instance === undefined
        ? ` No ${PROJECT_FILE} in ${directory} or above names ${projectName}, so all its copies ` +
          'share this port.'
        : ''
    return { projectName, instance, directory: undefined, note }
  }
  const named = { projectName: checkout.projectName }
  return instance === undefined
    ? {
        ...named,
        instance: checkout.instance,
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
  const from = await directoryOf(directory, root)
  const project = from === undefined ? undefined : findProject(from)
  if (project?.namedBy === PROJECT_FILE) return project.projectName
  throw withoutProject(from)
}

function withoutProject(directory: string | undefined): PortsError {
  if (directory === undefined) {
    const expected = `given, or a directory in which or above which a ${PROJECT_FILE} names it`
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
async function directoryOf(
  directory: string | undefined,
  root: ClientRoot,
): Promise<string | undefined> {
  if (directory === undefined) {
    const own = await root.directory()
    return own !== undefined && isDirectory(own) ? own : undefined
  }
  if (isAbsolute(directory) && isDirectory(directory)) return directory
  throw invalidArgument(
    'directory',
    directory,
    'the absolute path of a directory that exists on the machine of this server, or left out',
  )
}

/** False also where this process may not look. */
function isDirectory(path: string): boolean {
  try {
    return statOf(path).isDirectory()
  } catch {
    return false
  }
}
