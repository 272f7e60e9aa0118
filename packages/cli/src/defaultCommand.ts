import type { CommandUnknownOpts } from '@commander-js/extra-typings'

/** Commander knows them too, but does not tell. */
const DEFAULTS: Readonly<Record<string, string>> = { export: 'template' }

/** The command of a group that runs if a word names none of them. */
export function defaultCommand(group: CommandUnknownOpts): CommandUnknownOpts | undefined {
  const name = DEFAULTS[group.name()]
  return group.commands.find((command) => command.name() === name)
}
