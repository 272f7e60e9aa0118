import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { currentDirectory, findProject, nearestWith, PROJECT_FILE } from '@ports/core'
import { defaultCommand } from './defaultCommand.js'

/**
 * The command line with the project that `ports.json` in this directory or above names, if the
 * words leave the project out. A command with an optional project means all projects if it has
 * `--all`, or `--port`, because the caller may not know which project has that number.
 * @param makeProgram makes a program to parse the words with: a program that parses twice keeps
 * what it noted the first time
 * @throws {PortsError} `INVALID_ARGUMENT` if that file is needed and malformed
 */
export function withImpliedProject(
  makeProgram: () => CommandUnknownOpts,
  args: readonly string[],
): readonly string[] {
  const directory = currentDirectory()
  if (directory === undefined || nearestWith(PROJECT_FILE, directory) === undefined) return args
  let command = makeProgram()
  let depth = 0
  while (command.commands.length > 0) {
    // This option may stand anywhere.
    const word = args[depth]
    const named = command.commands.find((known) => known.name() === word)
    const next = named ?? defaultCommand(command)
    if (word === '--json' || named) depth++
    if (word === '--json') continue
    if (!next) return args
    command = next
  }
  const { operands } = command.parseOptions(args.slice(depth))
  if (!mayLackProject(command, operands)) return args
  const project = findProject(directory)
  if (project?.namedBy !== PROJECT_FILE) return args
  const { projectName, services } = project
  const isService = (word: string) => Object.hasOwn(services, word)
  const namesProject = operands[0] === projectName
  // The project's name alone does not mean a service, unless the file lists a service of that name.
  if (namesProject && !isService(projectName)) return args
  const isComplete = operands.length >= wordsOf(command)
  if (isComplete && (namesProject || !operands.every(isService))) return args
  return [...args.slice(0, depth), projectName, ...args.slice(depth)]
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

/** How many words the command needs, including the project. */
function wordsOf(command: CommandUnknownOpts): number {
  if (command.name() === 'release') return command.opts().allServices ? 1 : 2
  const required = command.registeredArguments.filter((argument) => argument.required)
  return Math.max(1, required.length)
}
