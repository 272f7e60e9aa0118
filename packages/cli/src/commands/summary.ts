import { Command } from '@commander-js/extra-typings'
import { isAbsent, type PortRange, type PortSummary, PortsError } from '@ports/core'
import type { Context } from '../Context.js'
import { inJson } from '../inJson.js'
import { hostnameOption, protocolOption } from '../serviceOptions.js'
import type { Columns } from '../table.js'

const COLUMNS: Columns<PortSummary> = {
  PROJECT: ({ projectName }) => projectName,
  RANGE: { whole: true, cell: ({ rangeStart, rangeEnd }) => `${rangeStart}-${rangeEnd}` },
  // The same in every row.
  SCOPE: { spare: 'whole', cell: ({ hostname, protocol }) => `${hostname}/${protocol}` },
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
        output.result(inJson(value), () => table(summaries, COLUMNS, output.stdout))

      if (!isAbsent(projectName)) {
        const summary = await ports.getProjectSummary(projectName, { ...scope, signal })
        return show(summary, [summary])
      }
      const ranges = await ports.listRanges({ signal })
      if (ranges.length === 0) return output.outcome([], 'No project has a range.')
      const summaries = await summariesOf(ranges, (range) =>
        ports.getProjectSummary(range.projectName, { ...scope, signal }),
      )
      show(summaries, summaries)
    })
}

/** In the order of the ranges, without those that have been deleted in the meantime. */
async function summariesOf(
  ranges: readonly PortRange[],
  summaryOf: (range: PortRange) => Promise<PortSummary>,
): Promise<PortSummary[]> {
  const summaries: (PortSummary | undefined)[] = ranges.map(() => undefined)
  const turns = ranges.entries()
  const work = async () => {
    for (const [turn, range] of turns) {
      summaries[turn] = await summaryOf(range).catch((error) => {
        if (error instanceof PortsError && error.code === 'PROJECT_NOT_FOUND') return undefined
        throw error
      })
    }
  }
  await Promise.all(Array.from({ length: QUESTIONS_AT_ONCE }, work))
  return summaries.filter((summary) => summary !== undefined)
}

/** Fewer than the connections of the pool, so that none has to wait for one. */
const QUESTIONS_AT_ONCE = 8

const MORE_HELP = `
Example:
  ports summary consilio --protocol udp`
