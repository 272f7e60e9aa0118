import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { findProject, nearestWith, PortsError, PROJECT_FILE, workingDirectory } from '@ports/core'

/**
 * A command line with the project that `ports.json` in this directory or above names, if the words
 * leave the project out. A command whose project may be absent means all projects with `--all`, and
 * with a `--port`, of which nobody may know whose it is.
 * @param makeProgram makes one to parse the words here: a second parse would repeat what it noted
 * @throws {PortsError} `INVALID_ARGUMENT` if that file is needed and malformed, or this directory is
 * gone
 */
export function withImpliedProject(
  makeProgram: () => CommandUnknownOpts,
  args: readonly string[],
): readonly string[] {
  if (!mayHaveFile()) return args
  let command = makeProgram()
  let depth = 0
  while (command.commands.length > 0) {
    const next = command.commands.find((known) => known.name() === args[depth])
    if (!next) return args
    command = next
    depth++
  }
  const { operands } = command.parseOptions(args.slice(depth))
  if (!mayLackProject(command, operands)) return args
  const project = findProject(workingDirectory())
  if (project?.namedBy !== PROJECT_FILE) return args
  const { projectName, services } = project
  const isService = (word: string) => Object.hasOwn(services, word)
  const namesProject = operands[0] === projectName
  // The project without a service is no service of that name, unless the file has one.
  if (namesProject && !isService(projectName)) return args
  const isComplete = operands.length >= wordsOf(command)
  if (isComplete && (namesProject || !operands.every(isService))) return args
  return [...args.slice(0, depth), projectName, ...args.slice(depth)]
}

/** True also if that cannot be told. It is an error only where it matters. */
function mayHaveFile(): boolean {
  try {
    return nearestWith(PROJECT_FILE, workingDirectory()) !== undefined
  } catch (error) {
    if (error instanceof PortsError) return true
    throw error
  }
}

function mayLackProject(command: CommandUnknownOpts, operands: readonly string[]): boolean {
  const [first] = command.registeredArguments
  if (first?.name() !== 'project' || first.variadic) return false
  if (!first.required) {
    const { all, port } = command.opts()
    return operands.length === 0 && !all && port === undefined
  }
  const takesMore = command.registeredArguments.at(-1)!.variadic
  return takesMore || operands.length < wordsOf(command)
}

/** How many words the command needs, the project among them. */
function wordsOf(command: CommandUnknownOpts): number {
  if (command.name() === 'release') return command.opts().allServices ? 1 : 2
  const required = command.registeredArguments.filter((argument) => argument.required)
  return Math.max(1, required.length)
}
