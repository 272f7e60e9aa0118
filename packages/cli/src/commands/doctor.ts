import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'

export function doctorCommand(context: Context) {
  const { output, answerNo } = context
  return new Command('doctor')
    .description(
      'Look for what is wrong with the registry and this machine, and tell how to fix it',
    )
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
Changes, makes and starts nothing. Ends with status 1 if there is a problem, and with 0 if there are
only warnings, or things that could not be found out.

Examples:
  ports doctor
  ports doctor --json`
