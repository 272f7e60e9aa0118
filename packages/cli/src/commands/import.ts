import { Command, Option } from '@commander-js/extra-typings'
import {
  counted,
  type ImportedRow,
  type ImportReport,
  nameOfService,
  PortsError,
} from '@ports/core'
import type { Context } from '../Context.js'
import { IMPORT_FORMATS, readRows } from '../importRows.js'
import { inJson } from '../inJson.js'

export function importCommand({ openManager, output, signal, confirm, answerNo }: Context) {
  return new Command('import')
    .description('Record ports that services use already')
    .argument('[file]', 'JSON, YAML or CSV; standard input unless given')
    .addOption(
      new Option('--format <format>', 'the format, unless the file name tells it').choices(
        IMPORT_FORMATS,
      ),
    )
    .option('--skip-conflicts', 'import only the rows without a conflict')
    .option('--dry-run', 'print the plan and change nothing')
    .option('--yes', 'do not ask')
    .addHelpText('after', MORE_HELP)
    .action(async (file, { format, skipConflicts = false, dryRun = false, yes }) => {
      const rows = await readRows(file, format)
      const ports = await openManager()
      const print = (report: ImportReport) =>
        output.outcome({ ...report, rows: report.rows.map(inJson) }, totalOf(report, dryRun))
      const plan = await ports.import(rows, { skipConflicts, dryRun: true, signal })
      if (plan.conflicts > 0 && !skipConflicts && !dryRun) throw collision(plan)
      if (!output.json) output.notice(linesOf(plan))
      if (dryRun || plan.claimed === 0) {
        print(plan)
        return plan.conflicts > 0 ? answerNo() : undefined
      }
      // Standard input that held the rows cannot answer.
      const isAsked = !yes && !output.json && file !== undefined && confirm !== undefined
      if (isAsked && !(await confirm(`Import ${counted(plan.claimed, 'port')}? [y/N] `))) {
        output.notice('Nothing was imported.')
        return answerNo()
      }
      const report = await ports.import(rows, { skipConflicts, signal })
      if (report.conflicts > 0 && !skipConflicts) throw collision(report)
      print(report)
    })
}

function linesOf({ rows }: ImportReport): string {
  return rows.map(lineOf).join('\n')
}

function lineOf(row: ImportedRow): string {
  const { hostname, protocol, portNumber, outcome, createsRange, conflict } = row
  const port = `${hostname}/${protocol} ${portNumber} ${nameOfService(row)}`
  if (conflict) return `! ${port}: ${conflict.message}`
  if (outcome === 'held') return `= ${port}`
  return createsRange ? `+ ${port}, which becomes a range of ${row.projectName}` : `+ ${port}`
}

function totalOf({ claimed, held, conflicts, changed }: ImportReport, dryRun: boolean): string {
  const did = changed || claimed === 0 ? 'Imported' : 'Would import'
  const rest = [
    ...(held > 0 ? [`${held} held already`] : []),
    ...(conflicts > 0 ? [`${counted(conflicts, 'conflict')}${dryRun ? '' : ' skipped'}`] : []),
  ]
  return `${[`${did} ${counted(claimed, 'port')}`, ...rest].join(', ')}.`
}

/** Names all rows that collide, with both sides. */
function collision(report: ImportReport): PortsError {
  const colliding = report.rows.filter((row) => row.outcome === 'conflict')
  const { code, details } = colliding[0]!.conflict!
  return new PortsError(
    code,
    `${colliding.length} of ${counted(report.rows.length, 'row')} cannot be imported, so none was. ` +
      `Correct them, or import the others with --skip-conflicts.\n${colliding.map(lineOf).join('\n')}`,
    { ...details, rows: colliding.map(inJson) },
  )
}

const MORE_HELP = `
A row has project, service and port, and optionally host, protocol, instance, type,
description and cloudflareHostname. A number that no project owns becomes a range of the
row's project, only on its host if the row names one. All rows are imported or none. It asks
before, except with --yes, with --json, without a terminal and for standard input. Each line
of the plan begins with + (to import), = (held already) or ! (a conflict).

Examples:
  ports import services.csv
  ports import --dry-run homelab.yaml
  psql … --csv | ports import --format csv`
