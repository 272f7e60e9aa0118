import { text } from 'node:stream/consumers'
import { judge } from './warnings.js'

const cli = process.argv[2] ?? 'ports'

try {
  const input = JSON.parse(await text(process.stdin))
  const script: unknown = input?.tool_input?.command
  if (typeof script === 'string') {
    const { warnings, failures } = await judge(script, {
      cli,
      directory: input.cwd ?? process.cwd(),
    })
    if (warnings.length > 0) ask(warnings.join('\n'))
    if (failures.length > 0) tell(failures[0])
  }
} catch (error) {
  tell(error)
}

/** A command must not fail because it could not be checked. */
function tell(error: unknown): void {
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
