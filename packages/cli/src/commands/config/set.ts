import { Command } from '@commander-js/extra-typings'
import type { Context } from '../../Context.js'

export function configSetCommand({ settings, output }: Context) {
  return new Command('set')
    .description("Write a setting to the user's file")
    .argument('<field>')
    .argument('<value>')
    .addHelpText('after', MORE_HELP)
    .action(async (field, value) => {
      const { file, setting } = await settings.set(field, value)
      const done = value === '' ? `${setting.field} is removed from` : `${setting.field} is set in`
      output.outcome({ field: setting.field, file }, `${done} ${file}.`)
      if (setting.source === 'environment') {
        output.notice(`${setting.from} is set in the environment, and takes precedence.`)
      }
    })
}

const MORE_HELP = `
Fields: databaseUrl, hostname, actor, rangeSize, defaultRanges (true or false). An empty value
removes the field from the file. Only you can read the file. Other users can see a password on the
command line while the command runs. To avoid that, write the file with an editor.

Examples:
  ports config set hostname nas
  ports config set rangeSize 20`
