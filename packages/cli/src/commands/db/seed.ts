import { Command } from '@commander-js/extra-typings'
import type { Context } from '../../Context.js'
import { RANGE_COLUMNS } from '../range/columns.js'

export function dbSeedCommand({ database, output }: Context) {
  return new Command('seed')
    .description('Create the default ranges that are missing, and print them')
    .addHelpText('after', MORE_HELP)
    .action(async () => {
      const created = await database.seed()
      if (created.length === 0) return output.outcome({ created }, 'No default range is missing.')
      const { table } = await import('../../table.js')
      output.result({ created }, () => table(created, RANGE_COLUMNS, output.stdout))
    })
}

const MORE_HELP = `
Example:
  ports db seed`
