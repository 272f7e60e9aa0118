import { ensureProject, invalidArgument, type ProjectService, workingDirectory } from '@ports/core'
import type { Context } from '../Context.js'
import { variablesOf } from './environment.js'
import { projectHere, refuseUnlisted, requestOf } from './here.js'
import { type Format, printVariables } from './printVariables.js'

/** Prints nothing unless every service has its ports. */
export async function printEnvironment(
  { openManager, output, signal }: Context,
  names: readonly string[],
  format: Format,
): Promise<void> {
  const project = projectHere(workingDirectory())
  const asked = names.length > 0 ? names : Object.keys(project.services)
  if (asked.length === 0) {
    throw invalidArgument('service', undefined, 'given, as no ports.json names services')
  }
  const services: Record<string, ProjectService> = {}
  for (const name of asked) {
    refuseUnlisted(project, name)
    services[name] = project.services[name] ?? {}
  }
  const ports = await openManager()
  const ensured = await ensureProject(ports, requestOf(project, services), { signal })
  const [only] = asked
  const variables = variablesOf({
    ...project,
    services: ensured.services,
    instance: ensured.checkout.instance,
    ...(asked.length === 1 && { serviceName: only! }),
  })
  output.result(variables, () => printVariables(variables, format))
}
