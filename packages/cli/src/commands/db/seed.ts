import { Command } from '@commander-js/extra-typings'
import type { PortRange } from '@ports/core'
import type { Context } from '../../Context.js'
import { RANGE_COLUMNS } from '../range/columns.js'

export function dbSeedCommand({ database, output }: Context) {
  return new Command('seed')
    .description('Create the default ranges that are missing, and print them')
    .addHelpText('after', MORE_HELP)
    .action(async () => {
      const { created, skipped } = await database.seed()
      for (const { range, overlaps } of skipped) {
        output.notice(`Left out ${shown(range)}: it would overlap ${shown(overlaps)}.`)
      }
      const result = {
        created,
        skipped: skipped.map(({ range, overlaps }) => ({ ...range, overlaps })),
      }
      if (created.length === 0) {
        const other = skipped.length > 0 ? 'other ' : ''
        return output.outcome(result, `No ${other}default range is missing.`)
      }
      const { table } = await import('../../table.js')
      output.result(result, () => table(created, RANGE_COLUMNS, output.stdout))
    })
}

function shown({ projectName, startPort, endPort }: PortRange): string {
  return `${startPort}-${endPort} of ${projectName}`
}

const MORE_HELP = `
It leaves out a default range that would overlap another range, and names it on stderr.

Example:
  ports db seed`
