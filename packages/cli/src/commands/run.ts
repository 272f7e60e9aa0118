import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'

export function runCommand(context: Context) {
  return new Command('run')
    .usage('[options] [service] [-- command …]')
    .description('Start a server on the port of its service, and check that it listens there')
    .argument('[service]')
    .option('--strict', 'end the command if it listens on another port, or on none')
    .option('--reuse', 'if the service is running already, end with status 0')
    .addHelpText('after', MORE_HELP)
    .action(async (service, options) => {
      const { run } = await import('../run/run.js')
      await run(context, service, options)
    })
}

const MORE_HELP = `
The project and its services are those of the ports.json in this directory or above. Without one
the project is named by package.json or the Git remote. The service that is meant without a name
is the only one of ports.json, else that of the workspace's package, else web. The project gets a
range if it has none, and the service a port, which it keeps. Every worktree and clone of a
project with a ports.json has ports of its own.

Without a command, runs the one in ports.json, else the dev script of package.json. The command
finds its port in PORT, and those of the project's other services in <SERVICE>_PORT and
<SERVICE>_URL. A program that ignores PORT, such as Vite, gets a flag.

stderr says where the command listens. If that is another port, it says which, and whose it is.
If something listens on the port before the start, nothing is started, and the status is 125.
With --reuse it is 0 if that is the service itself.

Examples:
  ports run
  ports run web -- node server.js
  ports run api --strict -- npm run dev`
