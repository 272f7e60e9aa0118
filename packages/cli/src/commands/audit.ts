import { Command } from '@commander-js/extra-typings'
import type { AuditConflict, AuditResult } from '@ports/core'
import { AuditProgress } from '../AuditProgress.js'
import type { Context } from '../Context.js'
import type { Columns } from '../table.js'

const COLUMNS: Columns<AuditConflict> = {
  PORT: ({ port }) => port,
  EXPECTED: ({ expected }) => expected,
  ACTUAL: ({ actual }) => actual,
  SCOPE: ({ hostname, protocol }) => `${hostname}/${protocol}`,
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
      const { conflicts } = audit
      const { table } = await import('../table.js')
      output.result(audit, () =>
        conflicts.length === 0
          ? counts(audit)
          : `${table(conflicts, COLUMNS, output.stdout)}\n\n${counts(audit)}`,
      )
    })
}

function counts({ allocated, inUse, notRunning, unverified }: AuditResult): string {
  return (
    `${allocated} allocated: ${inUse} in use, ${notRunning} not running, ` +
    `${unverified} unverified`
  )
}

const MORE_HELP = `
Keeps what it sees: a check of every port, and which are in use. Releases nothing.

Example:
  ports audit --json`
