import { Command, Option } from '@commander-js/extra-typings'
import { type PortEvent, subjectOfEvent, toSeconds } from '@ports/core'
import type { Context } from '../Context.js'
import { inJson } from '../inJson.js'
import { printChecks } from '../printChecks.js'
import { directoryHere, here, projectHere } from '../run/here.js'
import { allOption } from '../serviceOptions.js'
import type { Columns } from '../table.js'
import { typedNumber } from '../typedNumber.js'
import { typedTime } from '../typedTime.js'

/** How many changes are shown unless a limit is given. */
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
      new Option('--checks', 'show what audits saw of the ports of a service').conflicts([
        'actor',
        'since',
        'all',
      ]),
    )
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, serviceName, options) => {
      const { port: portNumber, actor, since, limit, checks } = options
      if (checks) {
        const service =
          projectName !== undefined && serviceName !== undefined
            ? { projectName, serviceName }
            : checkedHere(projectName)
        return printChecks(context, service, { portNumber, limit })
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

/** The project of this directory, and the service that was typed, or the project's only one. */
function checkedHere(typed: string | undefined) {
  const directory = directoryHere()
  const { projectName } = projectHere(directory)
  const service = typed === projectName ? undefined : typed
  return { projectName, serviceName: here(directory, service).serviceName }
}

/** The fields that a change has changed, with their old and new values. */
function changeOf({ before, after }: PortEvent): string | undefined {
  const [old, now] = [fieldsOf(before), fieldsOf(after)]
  const changed = Object.keys({ ...old, ...now }).filter((field) => old[field] !== now[field])
  const texts = changed.map((field) => `${field}: ${old[field] ?? '-'} → ${now[field] ?? '-'}`)
  return texts.join(', ') || undefined
}

/** One side of a change, with the ends of a range as one field. */
function fieldsOf(side: PortEvent['before'] = {}): Readonly<Record<string, unknown>> {
  const { startPort, endPort, ...rest } = side
  return startPort === undefined ? rest : { range: `${startPort}-${endPort}`, ...rest }
}

const MORE_HELP = `
An age is a number of seconds, minutes, hours, days or weeks: 90s, 30m, 2h, 7d, 4w. A time without
an offset is local. A change is shown once no older one is still being written. --json also has the
database role, and the function that was called.

Examples:
  ports history --port 3102
  ports history consilio api --since 7d
  ports history consilio api --checks`
