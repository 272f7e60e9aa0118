import { Command } from '@commander-js/extra-typings'
import { isAbsent, nameOfRange, type PortSummary, PortsError } from '@ports/core'
import type { Context } from '../Context.js'
import { inJson } from '../inJson.js'
import { allOption, hostnameOption, protocolOption } from '../serviceOptions.js'
import type { Columns } from '../table.js'

/** The summary of a project that has no range in the scope. */
interface Elsewhere extends Omit<PortSummary, 'rangeStart' | 'rangeEnd'> {
  /** The hosts of its ranges. */
  readonly elsewhere: readonly string[]
}

type NoRange = Pick<Elsewhere, 'projectName' | 'hostname' | 'protocol' | 'elsewhere'>

type Summary = PortSummary | Elsewhere

const COLUMNS: Columns<Summary> = {
  PROJECT: ({ projectName }) => projectName,
  RANGES: { whole: true, cell: rangesOf },
  // It is the same in every row, so a narrow terminal omits it.
  SCOPE: { spare: 'whole', cell: ({ hostname, protocol }) => `${hostname}/${protocol}` },
  TOTAL: ({ totalPorts }) => totalPorts,
  ALLOCATED: ({ allocatedPorts }) => allocatedPorts,
  AVAILABLE: ({ availablePorts }) => availablePorts,
  RESERVED: { spare: 'whole', cell: ({ reservedPorts }) => reservedPorts },
  RESTING: { spare: 'whole', cell: ({ restingPorts }) => restingPorts },
  UNUSABLE: { spare: 'whole', cell: ({ unusablePorts }) => unusablePorts },
  'USED %': ({ utilization }) => utilization,
}

function rangesOf(summary: Summary): string {
  return 'elsewhere' in summary
    ? `none (on ${summary.elsewhere.join(', ')})`
    : summary.ranges.map(nameOfRange).join(', ')
}

export function summaryCommand({ openManager, output, signal }: Context) {
  return new Command('summary')
    .description('Show how full the ranges of a project, or of all projects, are in one scope')
    .argument('[project]')
    .addOption(allOption)
    .addOption(hostnameOption)
    .addOption(protocolOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, scope) => {
      const ports = await openManager()
      const { table } = await import('../table.js')
      const show = (value: unknown, summaries: Summary[]) =>
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

/** In the order of the projects. Projects that were deleted in the meantime are omitted. */
async function summariesOf(
  projects: readonly string[],
  summaryOf: (project: string) => Promise<PortSummary>,
): Promise<Summary[]> {
  const summaries: (Summary | undefined)[] = projects.map(() => undefined)
  const turns = projects.entries()
  const work = async () => {
    for (const [turn, project] of turns) {
      summaries[turn] = await summaryOf(project).catch(withoutNumbers)
    }
  }
  await Promise.all(Array.from({ length: QUESTIONS_AT_ONCE }, work))
  return summaries.filter((summary) => summary !== undefined)
}

/**
 * The summary of a project that has ranges on other hosts only. Undefined if it has none at all.
 */
function withoutNumbers(error: unknown): Elsewhere | undefined {
  if (!(error instanceof PortsError)) throw error
  if (error.code === 'PROJECT_NOT_FOUND') return undefined
  if (error.code !== 'RANGE_EXHAUSTED') throw error
  const { projectName, hostname, protocol, elsewhere } = error.details as NoRange
  const none = { totalPorts: 0, allocatedPorts: 0, availablePorts: 0, utilization: 0, ...NO_PART }
  return { projectName, hostname, protocol, ranges: [], elsewhere, ...none }
}

/** Fewer than the connections of the pool, so that no query waits for a connection. */
const QUESTIONS_AT_ONCE = 8

const NO_PART = {
  reservedPorts: 0,
  restingPorts: 0,
  unusablePorts: 0,
  allocatableNow: 0,
  restSeconds: 0,
}

const MORE_HELP = `
AVAILABLE includes RESERVED, RESTING and UNUSABLE. Until its rest ends, only the service that held a
resting port last can get it. New allocations pass over unusable ports, for example because
something else listens there. --json has allocatableNow, the number of ports that are available and
none of these.

Example:
  ports summary consilio --protocol udp`
