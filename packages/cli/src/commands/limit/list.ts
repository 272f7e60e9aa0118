import { Command } from '@commander-js/extra-typings'
import type { LimitState } from '@ports/core'
import type { Context } from '../../Context.js'
import type { Columns } from '../../table.js'

const COLUMNS: Columns<LimitState> = {
  PROJECT: { whole: true, cell: ({ projectName }) => projectName },
  ACTOR: { whole: true, cell: ({ actor }) => actor },
  'MAX PORTS': ({ maxPorts }) => maxPorts,
  HELD: ({ held }) => held,
  'PER MINUTE': ({ perMinute }) => perMinute,
  GIVEN: ({ givenLastMinute }) => givenLastMinute,
  'SET BY': { spare: 'cut', cell: ({ setBy }) => setBy },
}

export function listLimitsCommand({ openManager, output, signal }: Context) {
  return new Command('list')
    .description('List the limits, with the ports that they count now')
    .action(async () => {
      const ports = await openManager()
      const limits = await ports.listLimits({ signal })
      if (limits.length === 0) return output.outcome([], 'There are no limits.')
      const { table } = await import('../../table.js')
      output.result(limits, () => table(limits, COLUMNS, output.stdout))
    })
}
