import {
  currentDirectory,
  type EnsuredProject,
  ensureProject,
  findProject,
  PROJECT_FILE,
  type Protocol,
} from '@ports/core'
import type { Context } from './Context.js'
import { requestOf } from './run/here.js'

interface Listed extends Pick<EnsuredProject, 'createdRanges' | 'skipped'> {
  /** Whether this call allocated some of its ports. */
  readonly created: boolean
  /** The first protocol that the file has for it. */
  readonly protocol: Protocol
}

/**
 * Gives a service the ports that the `ports.json` of this directory asks for, as `ports run` does.
 * Undefined, and nothing is done, unless the file names that project and lists the service.
 */
export async function ensureListed(
  { openManager, signal }: Context,
  projectName: string,
  serviceName: string,
): Promise<Listed | undefined> {
  const directory = currentDirectory()
  const project = directory === undefined ? undefined : findProject(directory)
  if (project?.namedBy !== PROJECT_FILE || project.projectName !== projectName) return undefined
  if (!Object.hasOwn(project.services, serviceName)) return undefined
  const service = project.services[serviceName]!
  const request = requestOf(project, { [serviceName]: service })
  const ensured = await ensureProject(await openManager(), request, { signal })
  return {
    ...ensured,
    created: ensured.services.some(({ created }) => created),
    protocol: service.protocols?.[0] ?? 'tcp',
  }
}
