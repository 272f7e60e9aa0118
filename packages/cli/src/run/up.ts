import { ensureProject, invalidArgument, PROJECT_FILE } from '@ports/core'
import type { Context } from '../Context.js'
import { variablesOf, withoutChosen, withoutRun } from './environment.js'
import { directoryHere, projectHere, requestOf } from './here.js'
import { readOwnFile, writeOwnFile } from './ownFile.js'
import { printVariables } from './printVariables.js'
import { unlistedPorts } from './unlistedPorts.js'

interface Options {
  readonly write?: string | undefined
  readonly run?: true | undefined
}

/** Gets the ports of all services of a project. */
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
  const ensured = await ensureProject(ports, requestOf(project, project.services), { signal })
  const { services, instance } = ensured
  for (const line of await unlistedPorts(ports, project, ensured, signal)) output.notice(line)
  const all = variablesOf({ ...project, services, instance })
  const variables = withoutChosen(all, withoutRun(environment))
  if (file) {
    await writeOwnFile(file, `${printVariables(variables, 'dotenv')}\n`)
    const count = Object.keys(variables).length
    output.outcome(variables, `Wrote ${count} variables to ${file.name}.`)
  } else if (!run) {
    output.result(variables, () => printVariables(variables, 'shell'))
  }
  if (!run) return
  context.handOver()
  const { runAll } = await import('./runAll.js')
  context.endWith(await runAll(runnable, environment, output.stdout.colours.isColorSupported))
}
