import { Command, Option } from '@commander-js/extra-typings'
import {
  currentDirectory,
  findProject,
  type PortEvent,
  PortsError,
  subjectOfEvent,
  toSeconds,
} from '@ports/core'
import type { Context } from '../Context.js'
import { inJson } from '../inJson.js'
import { type CheckedPorts, printChecks } from '../printChecks.js'
import { allOption } from '../serviceOptions.js'
import type { Columns } from '../table.js'
import { typedNumber } from '../typedNumber.js'
import { typedTime } from '../typedTime.js'

/** The number of changes that are shown without --limit. */
const DEFAULT_LIMIT = 50

const COLUMNS: Columns<PortEvent> = {
  WHEN: { whole: true, cell: ({ at }) => toSeconds(at) },
  PORT: ({ portNumber }) => portNumber,
  WHAT: { whole: true, cell: ({ what }) => what },
  WHOSE: subjectOfEvent,
  SCOPE: {
    spare: 'whole',
    cell: ({ hostname, protocol }) => [hostname, protocol].filter(Boolean).join('/') || undefined,
  },
  ACTOR: { spare: 'cut', cell: ({ actor }) => actor },
  CHANGE: { spare: 'cut', cell: changeOf },
}

export function historyCommand(context: Context) {
  const { openManager, output, signal } = context
  return new Command('history')
    .description('Show who had which port, and what changed, newest first')
    .argument('[project]')
    .argument('[service]')
    .addOption(allOption)
    .addOption(new Option('--port <number>', 'only changes of that number').argParser(typedNumber))
    .option('--actor <name>', 'only changes that this caller asked for')
    .addOption(
      new Option('--since <time>', 'only changes since then, as ISO 8601 or an age').argParser(
        typedTime,
      ),
    )
    .addOption(
      new Option('--limit <count>', 'at most this many, up to 1000')
        .argParser(typedNumber)
        .default(DEFAULT_LIMIT),
    )
    .addOption(
      new Option(
        '--checks',
        'show what audits saw of the ports of a project, a service or a number',
      ).conflicts(['actor', 'since', 'all']),
    )
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, serviceName, options) => {
      const { port: portNumber, actor, since, limit, checks } = options
      if (checks) {
        return printChecks(context, checkedPorts(projectName, serviceName, portNumber), limit)
      }
      const ports = await openManager()
      const query = { projectName, serviceName, portNumber, actor, since, limit, signal }
      const { events, nextCursor } = await ports.history(query)
      if (events.length === 0) return output.outcome([], 'No such change is known.')
      const { table } = await import('../table.js')
      output.result(inJson(events), () => table(events, COLUMNS, output.stdout))
      if (nextCursor !== undefined) {
        output.notice('There are older changes. To see more of them: --limit <count>, up to 1000.')
      }
    })
}

/**
 * The ports whose checks are shown. A single word may be a service of this directory's project.
 * @throws {PortsError} `INVALID_ARGUMENT` if neither the words nor this directory name a project
 */
function checkedPorts(
  first: string | undefined,
  serviceName: string | undefined,
  portNumber: number | undefined,
): CheckedPorts {
  const port = portNumber === undefined ? {} : { portNumber }
  if (first !== undefined && serviceName !== undefined) {
    return { projectName: first, serviceName, ...port }
  }
  const directory = currentDirectory()
  const project = directory === undefined ? undefined : findProject(directory)
  if (first === undefined) {
    if (portNumber !== undefined) return port
    if (project) return { projectName: project.projectName }
    throw new PortsError(
      'INVALID_ARGUMENT',
      'A project is missing, and nothing in this directory names one. Give a project, or --port.',
      { field: 'project' },
    )
  }
  const isService =
    project && first !== project.projectName && Object.hasOwn(project.services, first)
  return isService
    ? { projectName: project.projectName, serviceName: first, ...port }
    : { projectName: first, ...port }
}

/** The fields that differ, with their old and new values. */
function changeOf({ before, after }: PortEvent): string | undefined {
  const [old, now] = [fieldsOf(before), fieldsOf(after)]
  const changed = Object.keys({ ...old, ...now }).filter((field) => old[field] !== now[field])
  const texts = changed.map((field) => `${field}: ${old[field] ?? '-'} → ${now[field] ?? '-'}`)
  return texts.join(', ') || undefined
}

/** The fields before or after a change, with the bounds of a range as one field. */
function fieldsOf(side: PortEvent['before'] = {}): Readonly<Record<string, unknown>> {
  const { startPort, endPort, ...rest } = side
  return startPort === undefined ? rest : { range: `${startPort}-${endPort}`, ...rest }
}

const MORE_HELP = `
An age is a number of seconds, minutes, hours, days or weeks: 90s, 30m, 2h, 7d, 4w. A time without
an offset is local. A change is shown once no older one is still being written. --json also has the
database role, and the function that was called.

With --checks, a project means all its services on this host. --port means the service that holds
the number on this host. --limit applies to each port.

Examples:
  ports history --port 3102
  ports history consilio api --since 7d
  ports history consilio api --checks
  ports history consilio --checks --limit 5`
