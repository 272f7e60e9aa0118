import { Command } from '@commander-js/extra-typings'
import type { Context } from '../../Context.js'
import { printRange } from '../../printRange.js'
import { projectArgument } from '../../serviceOptions.js'
import { typedNumber } from '../../typedNumber.js'

export function rangeResizeCommand({ openManager, output, signal }: Context) {
  return new Command('resize')
    .description('Move the ends of a range, and print it')
    .addArgument(projectArgument)
    .requiredOption('--start <port>', 'the first port', typedNumber)
    .requiredOption('--end <port>', 'the last port', typedNumber)
    .option('--from <port>', 'which range, by its first port, if there are several', typedNumber)
    .option('--hostname <host>', 'the host that it is bound to, if several ranges start there')
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, { start, end, from, hostname }) => {
      const ports = await openManager()
      const bounds = { startPort: start, endPort: end }
      const choice = { from, hostname, signal }
      await printRange(await ports.resizeRange(projectName, bounds, choice), output)
    })
}

const MORE_HELP = `
It is refused if the range would overlap another one, or if a port that is held would lie outside.

Examples:
  ports range resize myapp --start 4000 --end 4199
  ports range resize homelab --from 8096 --start 8096 --end 8099`
