import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import { registeredNames, wantedName } from '../registeredNames.js'

/**
 * The command that the completion scripts run. `program` makes a second program, because the
 * adapter adds a command of its own to what it is given, under the name of this one. Projects and
 * services are completed if the registry answers at once: a press of TAB makes and starts nothing,
 * and prints no error.
 */
export function completeCommand(program: () => CommandUnknownOpts, { askRunning }: Context) {
  return new Command('complete').argument('[words...]').action(async (words) => {
    const { default: tab } = await import('@bomb.sh/tab/commander')
    // One class at run time under two typings, whose overloads differ.
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
      // An option without its value, or no registry: there are no names to complete.
    }
    completions.parse(words)
  })
}
