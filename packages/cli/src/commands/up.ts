import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'

export function upCommand(context: Context) {
  return new Command('up')
    .description(
      'Get the ports of all services in ports.json; write them to a file, or run the services',
    )
    .option('--write <file>', 'write the variables to a file, such as .env.local')
    .option('--run', 'run the commands of all services until Ctrl-C, or until all have ended')
    .addHelpText('after', MORE_HELP)
    .action(async (options) => {
      const { up } = await import('../run/up.js')
      await up(context, options)
    })
}

const MORE_HELP = `
Services with neither port nor preferredPort get their ports in one transaction, all or none.
Without an option, it prints the same variables as ports env. --write replaces the file. With
--run, each line of output begins with the name of its service. When a command ends, the others go
on. Ctrl-C ends all of them, with status 0. Otherwise the status is 0 if all commands end with 0,
else that of the first one that fails.

Examples:
  ports up --write .env.local
  ports up --run`
