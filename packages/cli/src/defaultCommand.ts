import type { CommandUnknownOpts } from '@commander-js/extra-typings'

/** The default commands of groups. Commander knows them too, but does not expose them. */
const DEFAULTS: Readonly<Record<string, string>> = { export: 'template' }

/** The command of a group that runs if a word names none of them. */
export function defaultCommand(group: CommandUnknownOpts): CommandUnknownOpts | undefined {
  const name = DEFAULTS[group.name()]
  return group.commands.find((command) => command.name() === name)
}
