import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'

export function doctorCommand(context: Context) {
  const { output, answerNo } = context
  return new Command('doctor')
    .description('Find problems with the registry and this machine, and say how to fix them')
    .addHelpText('after', MORE_HELP)
    .action(async () => {
      const [{ CHECKS }, { runChecks }, { printFindings }, { Subject }] = await Promise.all([
        import('../doctor/checks.js'),
        import('../doctor/runChecks.js'),
        import('../doctor/printFindings.js'),
        import('../doctor/Subject.js'),
      ])
      const findings = await runChecks(CHECKS, new Subject(context))
      const ok = findings.every(({ state }) => state !== 'problem')
      output.result({ findings, ok }, () => printFindings(findings, output.stdout))
      if (!ok) answerNo()
    })
}

const MORE_HELP = `
It changes and starts nothing. The status is 1 if there is a problem, and 0 if there are only
warnings and unknowns.

Examples:
  ports doctor
  ports doctor --json`
