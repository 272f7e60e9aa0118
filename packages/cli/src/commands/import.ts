import { Command, Option } from '@commander-js/extra-typings'
import {
  counted,
  type ImportedRow,
  type ImportReport,
  nameOfService,
  PortsError,
  printable,
} from '@ports/core'
import type { Context } from '../Context.js'
import { IMPORT_FORMATS, type InputRows, readRows, withPlace } from '../importRows.js'
import { inJson } from '../inJson.js'
import type { Note } from '../sources/Findings.js'
import { SOURCE_KINDS, sourceOptions } from '../sources/sourceOptions.js'

export function importCommand(context: Context) {
  const { openManager, output, signal, confirm, answerNo } = context
  return new Command('import')
    .description('Record ports that services use already')
    .argument('[file]', 'JSON, YAML or CSV; default: standard input')
    .addOption(
      new Option('--format <format>', 'the format, unless the file name tells it').choices(
        IMPORT_FORMATS,
      ),
    )
    .addOption(sourceOptions.compose)
    .addOption(sourceOptions.env)
    .addOption(sourceOptions.procfile)
    .addOption(sourceOptions.caddy)
    .addOption(sourceOptions.cloudflared)
    .addOption(sourceOptions.scan)
    .addOption(
      new Option('--project <name>', 'the project of proposed rows; default: that of the file'),
    )
    .option('--skip-conflicts', 'import only the rows without a conflict')
    .option('--dry-run', 'print the plan and change nothing')
    .option('--yes', 'do not ask')
    .addHelpText('after', MORE_HELP)
    .action(async (file, options, command) => {
      const { format, project, skipConflicts = false, dryRun = false, yes } = options
      const kind = SOURCE_KINDS.find((each) => options[each] !== undefined)
      if (kind && file !== undefined) command.error(`give a file, or --${kind}`)
      if (!kind && project !== undefined)
        command.error('each row names its project: omit --project')
      const { notes, ...input } = kind
        ? await (await import('../sources/readSource.js')).readSource(context, options)
        : { ...(await readRows(file, format)), notes: undefined }
      if (notes && notes.length > 0 && !output.json) output.notice(linesOfNotes(notes, input))
      if (input.rows.length === 0) {
        output.outcome({ ...NOTHING, notes }, 'Nothing to import.')
        return answerNo()
      }
      const ports = await openManager()
      const ask = async (isDryRun: boolean) => {
        const mode = { skipConflicts, dryRun: isDryRun, signal }
        const report = await ports.import(input.rows, mode).catch((error: unknown) => {
          throw withPlace(error, input)
        })
        if (report.conflicts > 0 && !skipConflicts && !dryRun) throw collision(report, input)
        return report
      }
      const print = (report: ImportReport) =>
        output.outcome(
          { ...report, rows: report.rows.map(inJson), ...(notes && { notes }) },
          totalOf(report, dryRun),
        )
      const notePlan = (report: ImportReport) => {
        if (!output.json) output.notice(linesOf(report, input))
      }

      if (dryRun) {
        const plan = await ask(true)
        notePlan(plan)
        print(plan)
        return plan.conflicts > 0 ? answerNo() : undefined
      }
      // If the rows came from standard input, it cannot also answer the question.
      const isApart = kind !== undefined || file !== undefined
      const isAsked = !yes && !output.json && isApart && confirm !== undefined
      if (!isAsked) {
        const report = await ask(false)
        notePlan(report)
        return print(report)
      }
      // An empty import creates a missing registry, whose default ranges the plan depends on.
      await ports.import([], { signal })
      const plan = await ask(true)
      notePlan(plan)
      const changes = plan.rows.filter((row) => row.changes).length
      if (changes === 0) return print(plan)
      if (!(await confirm(`Import ${counted(changes, 'row')}? [y/N] `))) {
        output.notice('Nothing was imported.')
        return answerNo()
      }
      print(await ask(false))
    })
}

const NOTHING: ImportReport = { rows: [], claimed: 0, held: 0, conflicts: 0, changed: false }

function linesOfNotes(notes: readonly Note[], { source }: InputRows): string {
  const lines = notes.map(({ place, reason, skipped }) => {
    const line = `- ${source}, ${place}: ${reason}`
    return printable(skipped ? `${line}: nothing to import` : line)
  })
  return lines.join('\n')
}

function linesOf({ rows }: ImportReport, input: InputRows): string {
  return rows.map((row, index) => lineOf(row, index, rows, input)).join('\n')
}

function lineOf(
  row: ImportedRow,
  index: number,
  rows: readonly ImportedRow[],
  { places }: InputRows,
): string {
  const { hostname, protocol, portNumber, projectName, outcome, conflict } = row
  const port = `${hostname}/${protocol} ${portNumber} ${nameOfService(row)}`
  if (conflict) {
    const { row: first } = conflict.details
    const reason =
      typeof first === 'number'
        ? `${capitalized(places[first - 1]!)} gives this port to ${nameOfService(rows[first - 1]!)}. ` +
          'Remove one of the two.'
        : conflict.message
    return `! ${port}: ${reason} (${places[index]})`
  }
  const sign = outcome === 'claimed' ? '+' : row.changes ? '~' : '='
  const effects = [
    ...(row.createsRange ? [`becomes a range of ${projectName}`] : []),
    ...(row.insteadOf === undefined ? [] : [`get will return it instead of ${row.insteadOf}`]),
    ...(row.addsMetadata ? ['missing metadata is added'] : []),
  ]
  return effects.length > 0 ? `${sign} ${port}: ${effects.join('; ')}` : `${sign} ${port}`
}

function capitalized(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}`
}

function totalOf({ rows, claimed, held, conflicts, changed }: ImportReport, dryRun: boolean) {
  const did = changed || claimed === 0 ? 'Imported' : 'Would import'
  const changes = rows.filter((row) => row.outcome === 'held' && row.changes).length
  const rest = [
    ...(held > 0 ? [`${held} held already`] : []),
    ...(changes > 0 ? [`${changes} of them ${changed ? 'changed' : 'to change'}`] : []),
    ...(conflicts > 0 ? [`${counted(conflicts, 'conflict')}${dryRun ? '' : ' skipped'}`] : []),
  ]
  return `${[`${did} ${counted(claimed, 'port')}`, ...rest].join(', ')}.`
}

/** The most rows that the error of a collision names. */
const MAX_NAMED = 50

/** An error that lists the rows with a conflict, and what each conflicts with. */
function collision({ rows, conflicts }: ImportReport, input: InputRows): PortsError {
  const named = rows
    .flatMap((row, index) => (row.conflict ? [{ row, index, place: input.places[index] }] : []))
    .slice(0, MAX_NAMED)
  const { code, details } = named[0]!.row.conflict!
  const lines = named.map(({ row, index }) => lineOf(row, index, rows, input))
  if (conflicts > MAX_NAMED) lines.push(`… and ${conflicts - MAX_NAMED} more.`)
  return new PortsError(
    code,
    `${conflicts} of ${counted(rows.length, 'row')} cannot be imported, so none was. ` +
      `Correct them, or import the others with --skip-conflicts.\n${lines.join('\n')}`,
    { ...details, conflicts, rows: named.map(({ row, place }) => inJson({ ...row, place })) },
  )
}

const MORE_HELP = `
A row has project, service and port, and optionally host, protocol, instance, type,
description and cloudflareHostname. A number that no project owns becomes a range of the
row's project, only on its host if the row names one. All rows are imported or none, 10,000 at
most.

It prints a plan, and asks before it imports. It imports without asking with --yes, with --json,
without a terminal, and when the rows come from standard input. --dry-run changes nothing.

After the import, ports get returns the number of the service's first row, even if the service held
another before. The plan says so. Each line of the plan begins with + (to import), = (held
already), ~ (held already, and changed) or ! (a conflict). Errors name the line of a CSV file,
or the row of another file. Rows are counted from 1.

The options that name a source propose rows from it. Lines that begin with - say what the source
does not show. Nothing is guessed. The project is --project if given, else that of the file's
directory, else COMPOSE_PROJECT_NAME or the name: of a Compose file. With --scan it is that of each
process's directory. --scan sees only TCP, and only on Linux and macOS. The status is 1 if there is nothing to
import.

Examples:
  ports import services.csv
  ports import --dry-run homelab.yaml
  ports import --scan --dry-run
  ports import --compose compose.yaml
  ports import --caddy /etc/caddy/Caddyfile --project homelab
  docker compose config --format json | ports import --compose -
  psql … --csv | ports import --format csv`
