import { Command } from '@commander-js/extra-typings'
import type { Context } from '../../Context.js'
import { describeDatabase } from '../../describeDatabase.js'

export function dbStartCommand({ database, output }: Context) {
  return new Command('start')
    .description('Start the embedded database')
    .addHelpText('after', MORE_HELP)
    .action(async () => {
      const status = await database.start()
      output.result(status, () => describeDatabase(status))
    })
}

const MORE_HELP = `
Other commands start it by themselves when they need it.

Example:
  ports db start`
