import { Command } from '@commander-js/extra-typings'
import type { Context } from '../../Context.js'
import { RANGE_COLUMNS } from './columns.js'

export function rangeListCommand({ openManager, output, signal }: Context) {
  return new Command('list')
    .description('List the ranges, and the projects that own them')
    .addHelpText('after', MORE_HELP)
    .action(async () => {
      const ports = await openManager()
      const ranges = await ports.listRanges({ signal })
      if (ranges.length === 0) return output.outcome([], 'No project has a range.')
      const { table } = await import('../../table.js')
      output.result(ranges, () => table(ranges, RANGE_COLUMNS, output.stdout))
    })
}

const MORE_HELP = `
Example:
  ports range list`
