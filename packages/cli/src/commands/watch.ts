import { Command, Option } from '@commander-js/extra-typings'
import { invalidArgument } from '@ports/core'
import type { Context } from '../Context.js'
import { typedSeconds } from '../typedTime.js'
import { watchPorts } from '../watch/watchPorts.js'

const EVERY_SECONDS = 60

export function watchCommand(context: Context) {
  return new Command('watch')
    .description('Audit the ports of this host again and again, and tell what changes')
    .addOption(
      new Option(
        '--every <time>',
        'how long between two audits, such as 30s or 5m; 1m unless given',
      )
        .argParser(typedSeconds('every'))
        .default(EVERY_SECONDS, '1m'),
    )
    .addHelpText('after', MORE_HELP)
    .action(async ({ every }) => {
      if (every < 1) throw invalidArgument('every', every, 'at least 1s')
      await watchPorts(context, every * 1000)
    })
}

const MORE_HELP = `
Runs until it is interrupted. Each audit is kept, as with ports audit, so that lists, histories and
explanations are fresh. Warns when 80 % of the ports of a project are held, reserved, resting or
passed over. If the database stops answering, it says so once, and goes on when it answers again. It
does not start a registry that was stopped. --json prints one object a line.

Example:
  ports watch --every 5m`
