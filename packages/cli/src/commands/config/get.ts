import { Command } from '@commander-js/extra-typings'
import type { Context } from '../../Context.js'

export function configGetCommand({ settings, output, answerNo }: Context) {
  return new Command('get')
    .description('Print the value of a setting')
    .argument('<field>')
    .addHelpText('after', MORE_HELP)
    .action(async (field) => {
      const setting = await settings.get(field)
      if (setting.value !== null) return output.result(setting, () => String(setting.value))
      output.outcome(setting, `${setting.field} is not set.`)
      answerNo()
    })
}

const MORE_HELP = `
It prints a database URL with its password.

Example:
  ports config get hostname`
