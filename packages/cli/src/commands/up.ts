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
Services that have neither port nor preferredPort get their ports in one transaction: all or none.
Without an option it prints the variables that ports env prints. It also names the services that
hold ports of this directory but are no longer in ports.json. --write replaces only a file that it
wrote.

A service whose fixed port is not available gets none, for example because another worktree holds it.
The others get theirs. stderr says who has the port, and the status is 4.

With --run each line of output begins with the name of its service. If one command ends, the others
go on. Ctrl-C ends all of them, and Ctrl-Z suspends them. The status is that of the first command
that failed. Otherwise it is 4 if a service has no port, else 0.

Examples:
  ports up --write .env.local
  ports up --run`
