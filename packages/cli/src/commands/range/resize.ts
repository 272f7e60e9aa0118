import { Command } from '@commander-js/extra-typings'
import type { Context } from '../../Context.js'
import { printRange } from '../../printRange.js'
import { typedNumber } from '../../typedNumber.js'

export function rangeResizeCommand({ openManager, output, signal }: Context) {
  return new Command('resize')
    .description('Move the ends of a range, and print it')
    .argument('<project>')
    .requiredOption('--start <port>', 'the first port', typedNumber)
    .requiredOption('--end <port>', 'the last port', typedNumber)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, { start, end }) => {
      const ports = await openManager()
      const bounds = { startPort: start, endPort: end }
      const range = await ports.resizeRange(projectName, bounds, { signal })
      await printRange(range, output)
    })
}

const MORE_HELP = `
Refused where another range or a port that is held stands in the way.

Example:
  ports range resize myapp --start 4000 --end 4199`
