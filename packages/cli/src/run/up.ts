import { EXIT_STATUS, ensureProject, invalidArgument, PROJECT_FILE } from '@ports/core'
import type { Context } from '../Context.js'
import { inJson } from '../inJson.js'
import { variablesOf, withoutChosen, withoutRun } from './environment.js'
import { directoryHere, projectHere, requestOf } from './here.js'
import { readOwnFile, writeOwnFile } from './ownFile.js'
import { printVariables } from './printVariables.js'
import { unlistedPorts } from './unlistedPorts.js'

interface Options {
  readonly write?: string | undefined
  readonly run?: true | undefined
}

/**
 * Gets the ports of all services of a project. A service whose fixed port is not available gets none
 * and is not started. The status then tells so.
 */
export async function up(context: Context, { write, run }: Options): Promise<void> {
  const { openManager, output, signal, environment } = context
  const directory = directoryHere()
  const project = projectHere(directory)
  const names = Object.keys(project.services)
  if (names.length === 0) {
    throw invalidArgument('directory', directory, `one with services in a ${PROJECT_FILE}`)
  }
  const runnable = names.filter((name) => project.services[name]!.command !== undefined)
  if (run && runnable.length === 0) {
    throw invalidArgument(
      'run',
      true,
      `left out, because no service in ${PROJECT_FILE} has a command`,
    )
  }
  // Before anything is allocated.
  const file = write === undefined ? undefined : await readOwnFile(write)
  const ports = await openManager()
  const request = { ...requestOf(project, project.services), needed: [] }
  const ensured = await ensureProject(ports, request, { signal })
  const { services, instance, refused } = ensured
  for (const line of await unlistedPorts(ports, project, ensured, signal)) output.notice(line)
  for (const { serviceName, error } of refused) {
    const { code, details } = error
    const message = `${serviceName} has no port here. ${error.message}`
    output.failure({ code, message, details: inJson(details), status: EXIT_STATUS[code] })
  }
  const all = variablesOf({ ...project, services, instance })
  const variables = withoutChosen(all, withoutRun(environment))
  if (file) {
    await writeOwnFile(file, `${printVariables(variables, 'dotenv')}\n`)
    const count = Object.keys(variables).length
    output.outcome(variables, `Wrote ${count} variables to ${file.name}.`)
  } else if (!run) {
    output.result(variables, () => printVariables(variables, 'shell'))
  }
  const [first] = refused
  const told = first === undefined ? 0 : EXIT_STATUS[first.error.code]
  context.endWith(told)
  const started = runnable.filter((name) => !refused.some((each) => each.serviceName === name))
  if (!run || started.length === 0) return
  context.handOver()
  const { runAll } = await import('./runAll.js')
  const status = await runAll(started, environment, output.stdout.colours.isColorSupported)
  context.endWith(status === 0 ? told : status)
}
