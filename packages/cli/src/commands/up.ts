import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'

export function upCommand(context: Context) {
  return new Command('up')
    .description('Get the ports of all services of ports.json, and write or run with them')
    .option('--write <file>', 'write the variables to a file, such as .env.local')
    .option('--run', 'run the commands of all services until Ctrl-C, or until all have ended')
    .addHelpText('after', MORE_HELP)
    .action(async (options) => {
      const { up } = await import('../run/up.js')
      await up(context, options)
    })
}

const MORE_HELP = `
Services without a port of their choice get theirs in one transaction: all or none. Without an
option, prints the variables that ports env prints. With --run each line of output begins with the name of its service. Ctrl-C
ends all of them. The status is 0 if all commands end with 0.

Examples:
  ports up --write .env.local
  ports up --run`
