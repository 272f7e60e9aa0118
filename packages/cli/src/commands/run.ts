import { Command, Option } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import { typedSeconds } from '../typedTime.js'

export function runCommand(context: Context) {
  return new Command('run')
    .usage('[options] [service] [-- command …]')
    .description('Start a server on the port of its service, and check that it listens there')
    .argument('[service]')
    .option('--strict', 'end the command if it listens on another port, or on none')
    .option('--reuse', 'end with status 0 if the service is already running')
    .addOption(runTtlOption)
    .addHelpText('after', MORE_HELP)
    .action(async (service, options) => {
      const { run } = await import('../run/run.js')
      await run(context, service, options)
    })
}

const runTtlOption = new Option(
  '--ttl <time>',
  'hold the port only while the command runs and for this time after it, such as 90s, 10m or 2h',
).argParser(typedSeconds('ttl'))

const MORE_HELP = `
The ports.json in this directory or above names the project and its services. Without one,
package.json or the Git remote names the project. The service can be omitted if ports.json lists
only one. If it lists none, the default is the name of the workspace's package, else web. A project
without a range gets one. The service gets a port, and keeps it. Every worktree and clone of a
project with a ports.json has its own ports.

Without a command, it runs the one in ports.json, else the dev script of package.json. If the
command does not exist, no port is allocated. The command finds its port in PORT, and the ports of
the project's other services in <SERVICE>_PORT and <SERVICE>_URL. A program that ignores PORT, such
as Vite, gets the port as a flag. This also works if npx or a script of package.json starts it.

stderr says where the command listens. If that is another port, stderr names it, and the service
that holds it. If something listens on the port already, nothing is started and the status is 125.
With --reuse the status is 0 if that is the service itself.

With --ttl the service has a lease, which is renewed while the command runs. The lease may end
earlier, for example because the machine slept. Then ports run says so, and --strict ends the
command.

Examples:
  ports run
  ports run web -- node server.js
  ports run api --strict -- npm run dev
  ports run e2e --ttl 1m -- node server.js`
