import { Command, Option } from '@commander-js/extra-typings'
import type { AuditResult } from '@ports/core'
import { AuditProgress } from '../AuditProgress.js'
import { actualOf, counts, type Noted } from '../auditText.js'
import type { Context } from '../Context.js'
import type { Columns } from '../table.js'
import { typedNumber } from '../typedNumber.js'

const COLUMNS: Columns<Noted> = {
  PORT: ({ port }) => port,
  EXPECTED: { whole: true, cell: ({ expected }) => expected },
  ACTUAL: actualOf,
  SCOPE: { whole: true, cell: ({ hostname, protocol }) => `${hostname}/${protocol}` },
}

export function auditCommand({ openManager, output, signal, answerNo }: Context) {
  return new Command('audit')
    .description('Compare the registry with what is listening')
    .option('--project <name>', 'only that project; all unless given')
    .addOption(
      new Option(
        '--idle-days <days>',
        'a service is idle if nothing listened for so long; 30 unless given',
      ).argParser(typedNumber),
    )
    .addHelpText('after', MORE_HELP)
    .action(async ({ project: projectName, idleDays }) => {
      const ports = await openManager()
      const progress = new AuditProgress(output.stderr)
      let audit: AuditResult
      try {
        audit = await ports.auditPorts({
          projectName,
          idleDays,
          onProgress: (checked, total) => progress.update(checked, total),
          signal,
        })
      } finally {
        progress.stop()
      }
      const noted: readonly Noted[] = [...audit.conflicts, ...audit.unverifiedPorts]
      const { table } = await import('../table.js')
      output.result(audit, () =>
        noted.length === 0
          ? counts(audit)
          : `${table(noted, COLUMNS, output.stdout)}\n\n${counts(audit)}`,
      )
      if (audit.conflicts.length > 0) answerNo()
    })
}

const MORE_HELP = `
Keeps what it sees: a check of every port, and which are in use. Releases nothing. Ends with
status 1 if there is a conflict:
  not running      nothing listens on a held number
  idle             the same for --idle-days: it may be safe to release it
  stranger         a process that listens is not the holder's, as far as that is recorded
  not registered   something listens in a range of a project, and nobody holds the number
  ephemeral range  the kernel may give a held number to an outgoing connection
  shared name      two services have one Cloudflare hostname
A port whose state cannot be told from here is unverified, with the reason, and no conflict.

Examples:
  ports audit --project consilio
  ports audit --json > audit.json || mail -s 'ports' admin < audit.json`
