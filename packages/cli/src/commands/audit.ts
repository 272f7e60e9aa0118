import { Command, Option } from '@commander-js/extra-typings'
import type { AuditResult } from '@ports/core'
import { AuditProgress } from '../AuditProgress.js'
import { claimOf, counts, type Noted, processOf, stateOf } from '../auditText.js'
import type { Context } from '../Context.js'
import type { Columns } from '../table.js'
import { typedNumber } from '../typedNumber.js'

const COLUMNS: Columns<Noted> = {
  PORT: ({ port }) => port,
  EXPECTED: { whole: true, cell: ({ expected }) => expected },
  ACTUAL: stateOf,
  SCOPE: { whole: true, cell: ({ hostname, protocol }) => `${hostname}/${protocol}` },
  PROCESS: { spare: 'cut', cell: processOf },
}

export function auditCommand({ openManager, output, signal, answerNo }: Context) {
  return new Command('audit')
    .description('Compare the registry with what is listening')
    .option('--project <name>', 'only that project; default: all projects')
    .addOption(
      new Option(
        '--idle-days <days>',
        'call a service idle after that many days without a listener; default: 30',
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
      const claims = noted.flatMap((each) => claimOf(each) ?? [])
      if (claims.length > 0) output.notice(claimHint(claims))
      if (audit.conflicts.length > 0) answerNo()
    })
}

/** A single command is shown as it is, several only in their general form. */
function claimHint([first, ...others]: readonly string[]): string {
  return others.length === 0
    ? `To record what listens on a number that nobody holds: ${first}`
    : 'To record what listens on numbers that nobody holds: ports claim <project> <service> <port>'
}

const MORE_HELP = `
It checks every port, records the results, and releases nothing. The status is 1 if it finds a
conflict:
  not running      nothing listens on a port that is held
  idle             nothing has listened there for --idle-days; the port can probably be released
  stranger         according to the records, a process that listens is not the holder's
  not registered   something listens on a port in a project's range that nobody holds
  ephemeral range  the kernel may give a port that is held to an outgoing connection
  shared name      two services have the same Cloudflare hostname
A port that cannot be checked from here is unverified, which is not a conflict. The output says why.

Examples:
  ports audit --project consilio
  ports audit --json > audit.json || mail -s 'ports' admin < audit.json`
