import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { ensureProject, invalidArgument, PROJECT_FILE } from '@ports/core'
import type { Context } from '../Context.js'
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
  const project = projectHere(process.cwd())
  const names = Object.keys(project.services)
  if (names.length === 0) {
    throw invalidArgument('directory', process.cwd(), `one with services in a ${PROJECT_FILE}`)
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
    await writeFile(write, `${printVariables(variables, 'dotenv')}\n`)
    output.notice(`Wrote ${Object.keys(variables).length} variables to ${write}.`)
  } else if (!run) {
    output.result(variables, () => printVariables(variables, 'shell'))
  }
  if (!run) return
  context.handOver()
  context.endWith(await runAll(runnable))
}

/** Runs `ports run` for each service, and returns the first status that is not 0, else 0. */
async function runAll(names: readonly string[]): Promise<number> {
  const { default: concurrently } = await import('concurrently')
  const main = process.argv[1]!
  const { result } = concurrently(
    names.map((name) => ({ name, command: name })),
    {
      prefix: 'name',
      // In a group of its own each gets one signal, from here, also at a Ctrl-C on a terminal.
      spawn: (name) =>
        spawn(process.execPath, [main, 'run', name], {
          detached: true,
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      kill: (pid, name) => process.kill(pid, name),
    },
  )
  const ends = await result.catch((failed) => failed)
  return ends.map(({ exitCode }) => Number(exitCode)).find((status) => status !== 0) ?? 0
}
