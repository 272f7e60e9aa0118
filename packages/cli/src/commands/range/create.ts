import { Command, Option } from '@commander-js/extra-typings'
import type { Context } from '../../Context.js'
import { printRange } from '../../printRange.js'
import { descriptionOption, projectArgument } from '../../serviceOptions.js'
import { typedNumber } from '../../typedNumber.js'

export function rangeCreateCommand({ openManager, output, signal }: Context) {
  return new Command('create')
    .description('Give a project a range, and print it')
    .addArgument(projectArgument)
    .addOption(
      new Option('--size <count>', 'the lowest free block of this many ports')
        .argParser(typedNumber)
        .conflicts(['start', 'end']),
    )
    .option('--start <port>', 'the first port', typedNumber)
    .option('--end <port>', 'the last port', typedNumber)
    .addOption(descriptionOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, { size, start, end, description }, command) => {
      const numbers = size === undefined ? bounds(start, end) : { size }
      if (!numbers) return command.error('give --size, or both --start and --end, or none of them')
      const ports = await openManager()
      const range = await ports.createRange({ projectName, ...numbers, description }, { signal })
      await printRange(range, output)
    })
}

function bounds(startPort: number | undefined, endPort: number | undefined) {
  if (startPort !== undefined && endPort !== undefined) return { startPort, endPort }
  if (startPort === undefined && endPort === undefined) return {}
}

const MORE_HELP = `
The range has the numbers from --start to --end, or it is the lowest free block of --size ports. The
default size is the setting rangeSize, which is 100 unless set.

Examples:
  ports range create myapp --size 100
  ports range create myapp --start 4000 --end 4099`
