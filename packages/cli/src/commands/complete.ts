import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings'

/**
 * What the completion scripts ask. `program` makes a second one, because the adapter adds a command
 * of its own to what it is given, under the name of this one. Projects and services are not
 * completed: a press of TAB must not open a database, let alone start one.
 */
export function completeCommand(program: () => CommandUnknownOpts) {
  return new Command('complete').argument('[words...]').action(async (words) => {
    const { default: tab } = await import('@bomb.sh/tab/commander')
    // One class at run time under two typings, whose overloads differ.
    const completions = tab(program() as unknown as Parameters<typeof tab>[0])
    completions.commands.delete('complete')
    completions.parse(words)
  })
}
