import { Command } from '@commander-js/extra-typings'
import type { Context } from '../../Context.js'

export function dbStopCommand({ database, output }: Context) {
  return new Command('stop')
    .description('Stop the embedded database')
    .addHelpText('after', MORE_HELP)
    .action(async () => {
      const stopped = await database.stop()
      output.outcome({ stopped }, stopped ? 'Stopped.' : 'It was not running.')
    })
}

const MORE_HELP = `
The next command that needs it starts it again.

Example:
  ports db stop`
