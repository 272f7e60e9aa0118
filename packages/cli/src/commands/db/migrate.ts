import { Command } from '@commander-js/extra-typings'
import type { Context } from '../../Context.js'

export function dbMigrateCommand({ database, output }: Context) {
  return new Command('migrate')
    .description('Bring the schema up to date, and print the migrations applied')
    .addHelpText('after', MORE_HELP)
    .action(async () => {
      const applied = await database.migrate()
      if (applied.length === 0) return output.outcome({ applied }, 'The schema is up to date.')
      output.result({ applied }, () => applied.join('\n'))
    })
}

const MORE_HELP = `
Example:
  PORTS_DATABASE_URL=postgres://db.example.org/ports ports db migrate`
