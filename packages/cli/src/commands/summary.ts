import { Command } from '@commander-js/extra-typings'
import { isAbsent, type PortSummary } from '@ports/core'
import type { Context } from '../Context.js'
import { hostnameOption, protocolOption } from '../serviceOptions.js'
import type { Columns } from '../table.js'

const COLUMNS: Columns<PortSummary> = {
  PROJECT: ({ projectName }) => projectName,
  RANGE: ({ rangeStart, rangeEnd }) => `${rangeStart}-${rangeEnd}`,
  SCOPE: ({ hostname, protocol }) => `${hostname}/${protocol}`,
  TOTAL: ({ totalPorts }) => totalPorts,
  ALLOCATED: ({ allocatedPorts }) => allocatedPorts,
  AVAILABLE: ({ availablePorts }) => availablePorts,
  'USED %': ({ utilization }) => utilization,
}

export function summaryCommand({ openManager, output, signal }: Context) {
  return new Command('summary')
    .description('Show how full a range is, or all of them, in one scope')
    .argument('[project]')
    .addOption(hostnameOption)
    .addOption(protocolOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, scope) => {
      const ports = await openManager()
      const { table } = await import('../table.js')
      const show = (value: unknown, summaries: PortSummary[]) =>
        output.result(value, () => table(summaries, COLUMNS, output.stdout))

      if (!isAbsent(projectName)) {
        const summary = await ports.getProjectSummary(projectName, { ...scope, signal })
        return show(summary, [summary])
      }
      const ranges = await ports.listRanges({ signal })
      if (ranges.length === 0) return output.outcome([], 'No project has a range.')
      const summaries = await Promise.all(
        ranges.map((range) => ports.getProjectSummary(range.projectName, { ...scope, signal })),
      )
      show(summaries, summaries)
    })
}

const MORE_HELP = `
Example:
  ports summary consilio --protocol udp`
