import { Command } from '@commander-js/extra-typings'
import type { Context } from '../../Context.js'
import { describeDatabase } from '../../describeDatabase.js'

export function dbStatusCommand({ database, output, answerNo }: Context) {
  return new Command('status')
    .description('Show where the database is, and its state')
    .addHelpText('after', MORE_HELP)
    .action(async () => {
      const status = await database.status()
      output.result(status, () => describeDatabase(status))
      if (!status.running) answerNo()
    })
}

const MORE_HELP = `
It starts nothing.

Example:
  ports db status`
