import { Command } from '@commander-js/extra-typings'
import {
  isAbsent,
  nameOfRange,
  type PortSummary,
  PortsError,
  type PortsErrorCode,
} from '@ports/core'
import type { Context } from '../Context.js'
import { inJson } from '../inJson.js'
import { hostnameOption, protocolOption } from '../serviceOptions.js'
import type { Columns } from '../table.js'

const COLUMNS: Columns<PortSummary> = {
  PROJECT: ({ projectName }) => projectName,
  RANGES: { whole: true, cell: ({ ranges }) => ranges.map(nameOfRange).join(', ') },
  // The same in every row.
  SCOPE: { spare: 'whole', cell: ({ hostname, protocol }) => `${hostname}/${protocol}` },
  TOTAL: ({ totalPorts }) => totalPorts,
  ALLOCATED: ({ allocatedPorts }) => allocatedPorts,
  AVAILABLE: ({ availablePorts }) => availablePorts,
  'USED %': ({ utilization }) => utilization,
}

export function summaryCommand({ openManager, output, signal }: Context) {
  return new Command('summary')
    .description('Show how full the ranges of a project, or of all projects, are in one scope')
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
      const projects = [...new Set(ranges.map((range) => range.projectName))]
      const summaries = await summariesOf(projects, (project) =>
        ports.getProjectSummary(project, { ...scope, signal }),
      )
      show(summaries, summaries)
    })
}

/**
 * In the order of the projects. Leaves out projects that have no range on the host, or that were
 * deleted in the meantime.
 */
async function summariesOf(
  projects: readonly string[],
  summaryOf: (project: string) => Promise<PortSummary>,
): Promise<PortSummary[]> {
  const summaries: (PortSummary | undefined)[] = projects.map(() => undefined)
  const turns = projects.entries()
  const work = async () => {
    for (const [turn, project] of turns) {
      summaries[turn] = await summaryOf(project).catch((error) => {
        if (error instanceof PortsError && HAS_NO_NUMBERS.includes(error.code)) return undefined
        throw error
      })
    }
  }
  await Promise.all(Array.from({ length: QUESTIONS_AT_ONCE }, work))
  return summaries.filter((summary) => summary !== undefined)
}

const HAS_NO_NUMBERS: readonly PortsErrorCode[] = ['PROJECT_NOT_FOUND', 'RANGE_EXHAUSTED']

/** Fewer than the connections of the pool, so that none has to wait for one. */
const QUESTIONS_AT_ONCE = 8

const MORE_HELP = `
Example:
  ports summary consilio --protocol udp`
