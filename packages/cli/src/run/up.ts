import { ensureProject, invalidArgument, PROJECT_FILE, workingDirectory } from '@ports/core'
import type { Context } from '../Context.js'
import { writeTextFile } from '../writeTextFile.js'
import { variablesOf } from './environment.js'
import { projectHere, requestOf } from './here.js'
import { printVariables } from './printVariables.js'

interface Options {
  readonly write?: string | undefined
  readonly run?: true | undefined
}

/** Gets the ports of all services of a project. */
export async function up(context: Context, { write, run }: Options): Promise<void> {
  const { openManager, output, signal } = context
  const directory = workingDirectory()
  const project = projectHere(directory)
  const names = Object.keys(project.services)
  if (names.length === 0) {
    throw invalidArgument('directory', directory, `one with services in a ${PROJECT_FILE}`)
  }
  const runnable = names.filter((name) => project.services[name]!.command !== undefined)
  if (run && runnable.length === 0) {
    throw invalidArgument('run', true, `left out, as no service in ${PROJECT_FILE} has a command`)
  }
  const ports = await openManager()
  const { services, checkout } = await ensureProject(ports, requestOf(project, project.services), {
    signal,
  })
  const variables = variablesOf({
    ...project,
    services,
    instance: checkout.instance,
  })
  if (write !== undefined) {
    await writeTextFile(write, `${printVariables(variables, 'dotenv')}\n`, 'w')
    output.notice(`Wrote ${Object.keys(variables).length} variables to ${write}.`)
  } else if (!run) {
    output.result(variables, () => printVariables(variables, 'shell'))
  }
  if (!run) return
  context.handOver()
  const { runAll } = await import('./runAll.js')
  context.endWith(await runAll(runnable))
}
