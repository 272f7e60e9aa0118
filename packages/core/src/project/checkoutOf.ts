import type { CallOptions, WriteOptions } from '../CallOptions.js'
import type { Checkout } from '../CheckoutStore.js'
import type { PortManager } from '../PortManager.js'
import { findProject } from './findProject.js'
import { PROJECT_FILE } from './ProjectFile.js'

export interface CheckoutOfOptions extends WriteOptions {
  /** Default: the project that the file names. */
  readonly projectName?: string
  /** Whether to make a registry if there is none. Default: true. */
  readonly create?: boolean
}

/** A copy of a project, and which instance it is: undefined if it is one that is not recorded yet. */
export interface FoundCheckout {
  readonly root: string
  readonly instance: string | undefined
}

/**
 * As `checkoutOf`, but records nothing.
 * @throws {PortsError} `INVALID_ARGUMENT`, `NO_REGISTRY`
 */
export async function findCheckout(
  ports: PortManager,
  directory: string,
  { projectName, ...call }: { readonly projectName: string } & CallOptions,
): Promise<FoundCheckout | undefined> {
  const project = findProject(directory)
  if (project?.namedBy !== PROJECT_FILE || project.projectName !== projectName) return undefined
  return { root: project.root, instance: await ports.findInstance(projectName, project, call) }
}

/**
 * The checkout that a directory of this host belongs to: the project that a `ports.json` there or
 * above names, and the instance that this copy is. Records the directory the first time. Undefined
 * without such a file, or if it names a project other than the one asked for.
 * @param directory absolute
 * @throws {PortsError} `INVALID_ARGUMENT` if the file is malformed, `PROJECT_NOT_FOUND`; without
 * `create` also `NO_REGISTRY`
 */
export async function checkoutOf(
  ports: PortManager,
  directory: string,
  { projectName, create = true, ...call }: CheckoutOfOptions = {},
): Promise<Checkout | undefined> {
  const project = findProject(directory)
  if (project?.namedBy !== PROJECT_FILE) return undefined
  if (projectName !== undefined && projectName !== project.projectName) return undefined
  if (!create) {
    const { hostname } = ports.scope()
    const query = { ...call, projectName: project.projectName, hostname }
    const recorded = await ports.listCheckouts(query)
    const found = recorded.find((checkout) => checkout.directory === project.root)
    if (found) return found
  }
  return (await ports.ensureCheckout(project.projectName, project, call)).checkout
}
