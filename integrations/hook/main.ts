import { text } from 'node:stream/consumers'
import { warningsOf } from './warnings.js'

const cli = process.argv[2] ?? 'ports'

try {
  const { tool_input, cwd } = JSON.parse(await text(process.stdin))
  const script: unknown = tool_input?.command
  if (typeof script === 'string') {
    const warnings = await warningsOf(script, { cli, directory: cwd ?? process.cwd() })
    if (warnings.length > 0) ask(warnings.join('\n'))
  }
} catch (error) {
  // A command must not fail because it could not be checked.
  const reason = error instanceof Error ? error.message : String(error)
  process.stderr.write(`${cli} did not check this command: ${reason}\n`)
}

/** Claude Code shows the reason, and the user decides. */
function ask(reason: string): void {
  const decision = {
    hookEventName: 'PreToolUse',
    permissionDecision: 'ask',
    permissionDecisionReason: reason,
  }
  process.stdout.write(JSON.stringify({ hookSpecificOutput: decision }))
}
