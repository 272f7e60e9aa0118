import { Command } from '@commander-js/extra-typings'
import type { Context } from '../../Context.js'
import { printRange } from '../../printRange.js'
import { descriptionOption, projectArgument, rangeHostOption } from '../../serviceOptions.js'
import { typedNumber } from '../../typedNumber.js'

export function rangeAddCommand({ openManager, output, signal }: Context) {
  return new Command('add')
    .description('Give a project one more range, and print it')
    .addArgument(projectArgument)
    .requiredOption('--start <port>', 'the first port', typedNumber)
    .option('--end <port>', 'the last port; default: the first', typedNumber)
    .addOption(rangeHostOption)
    .addOption(descriptionOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, { start, end = start, hostname, description }) => {
      const ports = await openManager()
      const range = { startPort: start, endPort: end, hostname, description }
      await printRange(await ports.addRange(projectName, range, { signal }), output)
    })
}

const MORE_HELP = `
If the project has no range yet, this is its first. With --hostname the project owns the numbers on
that host only, so another project can own them on another host.

Examples:
  ports range add homelab --start 8096 --hostname nas
  ports range add myapp --start 4100 --end 4199`
