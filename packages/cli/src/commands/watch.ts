import { Command, Option } from '@commander-js/extra-typings'
import { invalidArgument } from '@ports/core'
import type { Context } from '../Context.js'
import { typedSeconds } from '../typedTime.js'
import { watchPorts } from '../watch/watchPorts.js'

const EVERY_SECONDS = 60

export function watchCommand(context: Context) {
  return new Command('watch')
    .description('Audit the ports of this host at intervals, and report what changes')
    .addOption(
      new Option('--every <time>', 'the time between audits, such as 30s or 5m')
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
It runs until it is interrupted. Like ports audit, it records what it sees, so that list, history
and explain show recent results. It warns when 80 % of a project's ports are held. It continues if
the database cannot be reached. --json prints one object per line.

Example:
  ports watch --every 5m`
