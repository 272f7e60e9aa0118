import { Command, Option } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'

const FORMATS = ['shell', 'dotenv', 'json'] as const

export function environmentCommand(context: Context) {
  return new Command('env')
    .description('Print the ports of a project’s services as environment variables')
    .argument('[service...]', 'default: all services in ports.json')
    .addOption(
      new Option('--format <format>', 'how to print them')
        .choices(FORMATS)
        .default('shell' as const),
    )
    .addHelpText('after', MORE_HELP)
    .action(async (services, { format }) => {
      const { printEnvironment } = await import('../run/printEnvironment.js')
      await printEnvironment(context, services, format)
    })
}

const MORE_HELP = `
The project is the one that ports run uses. Services without a port get one. With one service, it
also prints PORT and HOST. If it fails, it prints nothing on stdout, and the status is not 0.

Examples:
  eval "$(ports env || echo false)"      # in .envrc, or in a script with set -e
  ports env --format dotenv > .env.local
  ports env web --format json`
