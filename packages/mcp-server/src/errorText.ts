import { PortsError } from '@ports/core'
import type { Tool } from './defineTool.js'

/**
 * What a model reads of an error: the code and what happened, then which tool to call next or what
 * only a person can do. What is no `PortsError` is a bug; of that it learns no details.
 */
export function errorText(error: unknown, tool: Tool): string {
  if (error instanceof PortsError) {
    return `${error.code}: ${error.message}\n${nextStep(error, tool)}`
  }
  return `INTERNAL: ${tool.name} failed unexpectedly; the server's log says why.\n${whenUnsure(tool)}`
}

function nextStep({ code, details }: PortsError, tool: Tool): string {
  switch (code) {
    case 'INVALID_ARGUMENT':
      // A setting of this server, not an argument.
      if (String(details.field).startsWith('PORTS_')) {
        return "Ask the user to correct that in the server's environment and to restart it."
      }
      return `Correct that and call ${tool.name} again.`
    case 'PROJECT_NOT_FOUND':
      return (
        `Call ${tool.name} again with a known project. For a new one ask the user to run that ` +
        'command: no tool can.'
      )
    case 'RANGE_EXHAUSTED':
      return (
        `Call list-ports with projectName ${details.projectName} to see the holders, then ` +
        'release-port for a service that is gone for good, or ask the user to run that command.'
      )
    case 'BUSY':
      return `Call ${tool.name} again.`
    case 'DATABASE_UNAVAILABLE':
      return `Call ${tool.name} again in a moment; if it stays so, tell the user.`
    case 'DATABASE_NOT_MIGRATED':
      return `Ask the user to run that command, then call ${tool.name} again.`
    case 'OUTCOME_UNKNOWN':
      return whenUnsure(tool)
    default:
      return 'Call list-ports to see who holds what.'
  }
}

/** A repeated allocation would be a second port. */
function whenUnsure({ name, annotations }: Tool): string {
  return annotations.idempotentHint
    ? `Call ${name} again: repeating it does no harm.`
    : `Call list-ports to see whether it happened before you call ${name} again.`
}
