import type { WriteOptions } from '../CallOptions.js'
import type { Checkout } from '../CheckoutStore.js'
import type { PortManager } from '../PortManager.js'
import { findProject } from './findProject.js'
import { PROJECT_FILE } from './ProjectFile.js'

/**
 * The checkout that a directory belongs to: which project a `ports.json` there or above names, and
 * which instance of it this copy is. Records the directory the first time. Undefined without such a
 * file, or if it names another project than the one asked for.
 * @param projectName default: the one that the file names
 * @throws {PortsError} `INVALID_ARGUMENT` if the file is malformed, `PROJECT_NOT_FOUND`
 */
export async function checkoutOf(
  ports: PortManager,
  directory: string,
  projectName?: string,
  options: WriteOptions = {},
): Promise<Checkout | undefined> {
  const project = findProject(directory)
  if (project?.namedBy !== PROJECT_FILE) return undefined
  if (projectName !== undefined && projectName !== project.projectName) return undefined
  const { checkout } = await ports.ensureCheckout(project.projectName, project, options)
  return checkout
}
