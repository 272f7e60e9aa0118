import { Command } from '@commander-js/extra-typings'
import type { AuditConflict, AuditResult, AuditUnverified } from '@ports/core'
import { AuditProgress } from '../AuditProgress.js'
import type { Context } from '../Context.js'
import type { Columns } from '../table.js'

type Noted = AuditConflict | AuditUnverified

const COLUMNS: Columns<Noted> = {
  PORT: ({ port }) => port,
  EXPECTED: { whole: true, cell: ({ expected }) => expected },
  ACTUAL: actualOf,
  SCOPE: { whole: true, cell: ({ hostname, protocol }) => `${hostname}/${protocol}` },
}

export function auditCommand({ openManager, output, signal }: Context) {
  return new Command('audit')
    .description('Compare the registry with what is listening')
    .addHelpText('after', MORE_HELP)
    .action(async () => {
      const ports = await openManager()
      const progress = new AuditProgress(output.stderr)
      let audit: AuditResult
      try {
        audit = await ports.auditPorts({
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
    })
}

function actualOf(noted: Noted): string {
  if (noted.actual === 'unverified') return `unverified: ${noted.reason.replaceAll('-', ' ')}`
  return noted.uid === undefined ? noted.actual : `${noted.actual} (uid ${noted.uid})`
}

function counts({ allocated, inUse, notRunning, unverified, conflicts }: AuditResult): string {
  const foreign = conflicts.filter(({ actual }) => actual === 'in use by another user').length
  const byOthers = foreign === 0 ? '' : ` (${foreign} by another user)`
  return (
    `${allocated} allocated: ${inUse} in use${byOthers}, ${notRunning} not running, ` +
    `${unverified} unverified`
  )
}

const MORE_HELP = `
Keeps what it sees: a check of every port, and which are in use. Releases nothing.
A port whose state cannot be told from here is unverified, with the reason.

Example:
  ports audit --json`
