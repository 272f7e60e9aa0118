import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import { registeredNames, wantedName } from '../registeredNames.js'

/**
 * The command that the completion scripts run. `program` creates a second program, because the
 * adapter adds a command with the same name as this one to the program that it is given. Projects
 * and services are completed only if the registry is running. A press of TAB creates and starts
 * nothing, and prints no error.
 */
export function completeCommand(program: () => CommandUnknownOpts, { askRunning }: Context) {
  return new Command('complete').argument('[words...]').action(async (words) => {
    const { default: tab } = await import('@bomb.sh/tab/commander')
    // Both types describe one class at run time, but their overloads differ.
    const completions = tab(program() as unknown as Parameters<typeof tab>[0])
    completions.commands.delete('complete')
    try {
      const wanted = wantedName(program(), words)
      const argument =
        wanted && completions.commands.get(wanted.command)?.arguments.get(wanted.argument)
      if (wanted && argument) {
        const names = await registeredNames(wanted, askRunning)
        argument.handler = (complete) => {
          for (const name of names) complete(name, '')
        }
      }
    } catch {
      // An option lacks its value, or there is no registry. Then there are no names to complete.
    }
    completions.parse(words)
  })
}
