import type { WriteOptions } from '../CallOptions.js'
import type { Protocol } from '../PortAllocation.js'
import type { PortManager } from '../PortManager.js'
import { type EnsuredProject, ensureProject } from './ensureProject.js'
import { findProject } from './findProject.js'
import { PROJECT_FILE } from './ProjectFile.js'

interface EnsuredListed extends Pick<EnsuredProject, 'createdRanges' | 'skipped'> {
  /** Whether this call allocated some of its ports. */
  readonly created: boolean
  /** The first protocol that the file has for it. */
  readonly protocol: Protocol
}

/**
 * Gives a service the ports that the `ports.json` of a directory asks for, as `ensureProject` does.
 * Undefined, and nothing is done, unless the file names that project and lists the service.
 * @param directory absolute
 */
export async function ensureListed(
  ports: PortManager,
  directory: string,
  projectName: string,
  serviceName: string,
  options: WriteOptions = {},
): Promise<EnsuredListed | undefined> {
  const project = findProject(directory)
  if (project?.namedBy !== PROJECT_FILE || project.projectName !== projectName) return undefined
  if (!Object.hasOwn(project.services, serviceName)) return undefined
  const service = project.services[serviceName]!
  const request = { ...project, hasFile: true, services: { [serviceName]: service } }
  const { createdRanges, skipped, services } = await ensureProject(ports, request, options)
  return {
    createdRanges,
    skipped,
    created: services.some(({ created }) => created),
    protocol: service.protocols?.[0] ?? 'tcp',
  }
}
