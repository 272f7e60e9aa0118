import type { CommanderError, CommandUnknownOpts } from '@commander-js/extra-typings'
import { excerpt, PortsError } from '@ports/core'

/** The longest excerpt of a message that repeats what was typed, in characters. */
const MAX_PROBLEM = 500

/** A command line that does not parse is malformed input like any other. */
export function usageError(command: CommandUnknownOpts, error: CommanderError): PortsError {
  // A group was named without one of its commands; the help of the group has been shown by then.
  if (error.code === 'commander.help') {
    return new PortsError('INVALID_ARGUMENT', 'a command is missing')
  }
  const problem = excerpt(error.message.replace(/^error: /, ''), MAX_PROBLEM)
  const usage =
    command.commands.length > 0
      ? `See: ${fullName(command)} --help`
      : `Usage: ${command.createHelp().commandUsage(command)}`
  return new PortsError('INVALID_ARGUMENT', `${problem}\n${usage}`)
}

/** As it is typed. */
export function fullName(command: CommandUnknownOpts): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name()
}
