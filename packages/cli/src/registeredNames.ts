import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { currentDirectory, findProject } from '@ports/core'
import type { Context } from './Context.js'
import { defaultCommand } from './defaultCommand.js'

/** An argument that the registry has names for. */
interface Wanted {
  /** As it is typed after `ports`. */
  readonly command: string
  readonly argument: 'project' | 'service'
  /** Set for a service, unless the project of the directory is meant. */
  readonly projectName: string | undefined
}

/** Commands whose project is a new one, which the registry does not know yet. */
const WITHOUT_NAMES = ['range create']

/** The name of the registry that the last word stands for, if any. */
export function wantedName(
  program: CommandUnknownOpts,
  words: readonly string[],
): Wanted | undefined {
  const path: string[] = []
  let command = program
  let rest = words.slice(0, -1)
  while (command.commands.length > 0) {
    const { operands, unknown } = command.parseOptions([...rest])
    const named = command.commands.find((known) => known.name() === operands[0])
    const next = named ?? defaultCommand(command)
    if (!next) return undefined
    path.push(next.name())
    command = next
    rest = [...(named ? operands.slice(1) : operands), ...unknown]
  }
  // After this comes the command line of another program.
  if (rest.includes('--')) return undefined
  const { operands } = command.parseOptions([...rest])
  const known = command.registeredArguments
  const last = known.at(-1)?.variadic ? known.at(-1) : undefined
  const argument = (known[operands.length] ?? last)?.name()
  const name = path.join(' ')
  if (WITHOUT_NAMES.includes(name)) return undefined
  if (argument !== 'project' && argument !== 'service') return undefined
  const isOfDirectory = known[0]?.name() === 'service'
  return { command: name, argument, projectName: isOfDirectory ? undefined : operands[0] }
}

/**
 * The projects that have a range, or the services of a project that hold a port. For the
 * directory's project, the services that its `ports.json` lists, if it lists any.
 */
export async function registeredNames(
  { argument, projectName }: Wanted,
  askRunning: Context['askRunning'],
): Promise<string[]> {
  const directory = projectName === undefined ? currentDirectory() : undefined
  const here = argument === 'service' && directory ? findProject(directory) : undefined
  const listed = Object.keys(here?.services ?? {})
  if (listed.length > 0) return listed.sort()
  const names = await askRunning(async (ports) => {
    if (argument === 'project') return (await ports.listRanges()).map((range) => range.projectName)
    const held = await ports.listByProject(projectName ?? here?.projectName ?? '')
    return held.map(({ serviceName }) => serviceName)
  })
  return [...new Set(names)].sort()
}
