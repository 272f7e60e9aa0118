import { Command } from '@commander-js/extra-typings'
import { nameOfRange } from '@ports/core'
import type { Context } from '../../Context.js'
import { projectArgument } from '../../serviceOptions.js'
import { typedNumber } from '../../typedNumber.js'

export function rangeRemoveCommand({ openManager, output, signal }: Context) {
  return new Command('remove')
    .description('Take one range from a project')
    .addArgument(projectArgument)
    .requiredOption('--start <port>', 'the first port of the range', typedNumber)
    .option('--hostname <host>', 'the host that it is bound to, if several ranges start there')
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, { start, hostname }) => {
      const ports = await openManager()
      const range = await ports.removeRange(projectName, start, { hostname, signal })
      output.outcome(
        { removed: true, ...range },
        `${projectName} no longer owns ${nameOfRange(range)}.`,
      )
    })
}

const MORE_HELP = `
It is refused while the project holds a port of the range. To take all ranges: ports range delete

Example:
  ports range remove homelab --start 8096 --hostname nas`
