import { type ErrorDetails, EXIT_STATUS, type Limits, PortsError, probablyMeant } from '@ports/core'
import { LIMIT_VARIABLES } from './agentLimits.js'
import type { Tool } from './defineTool.js'

/**
 * The text of an error for a model: the code and what happened, then which tool to call next or
 * what only a person can do. Any error but a `PortsError` is a bug, whose details are not shown.
 */
export function errorText(error: unknown, tool: Tool): string {
  if (error instanceof PortsError) {
    return `${error.code}: ${error.message}\n${nextStep(error, tool)}`
  }
  return (
    `INTERNAL: ${tool.name} failed unexpectedly; the server's log says why.\n` +
    `${whenUnsure(tool)} ${PICK_NONE}`
  )
}

/** Without the registry's answer nobody knows which numbers are taken. */
const PICK_NONE = 'Do not pick a port yourself: it may belong to another service.'

const OUTAGE_STATUS: number = EXIT_STATUS.DATABASE_UNAVAILABLE

function nextStep(error: PortsError, tool: Tool): string {
  const step = stepAfter(error, tool)
  return EXIT_STATUS[error.code] === OUTAGE_STATUS ? `${step} ${PICK_NONE}` : step
}

function stepAfter({ code, details }: PortsError, tool: Tool): string {
  switch (code) {
    case 'INVALID_ARGUMENT':
      // A setting of this server, not an argument.
      if (String(details.field).startsWith('PORTS_')) {
        return "Ask the user to correct that in the server's environment and to restart it."
      }
      if ('file' in details) return `Ask the user to correct that, then call ${tool.name} again.`
      return `Correct that and call ${tool.name} again.`
    case 'NO_REGISTRY':
      return (
        'Nothing is held: get-port makes a registry with the first port. If the user expects ' +
        "ports here, ask them to name their registry in the server's environment or in a settings " +
        'file.'
      )
    case 'PROJECT_NOT_FOUND':
      return unknownProject(details, tool)
    case 'RANGE_EXHAUSTED':
      if ('size' in details) {
        return 'Ask for a smaller size, or ask the user to free a range. Do not pick a port yourself.'
      }
      return (
        `Call list-ports with projectName ${details.projectName} to see the holders, then ` +
        'release-port for a service that is gone for good, or ask the user to make room. Do not ' +
        'pick a port yourself.'
      )
    case 'PORT_TAKEN':
      return (
        'A service that is down keeps its port: do not release that of another service. Tell the ' +
        'user who holds it, then call get-port with another portNumber, or without one.'
      )
    case 'PORT_RESERVED':
      return 'Tell the user the reason, then call get-port with another portNumber, or without one.'
    case 'LIMIT_REACHED':
      return (
        (details.retryAt === null
          ? `${details.limit === 'maxPorts' ? 'Release what you no longer need' : 'Ask for fewer'}, or ask the user to raise it with ${setterOf(details)}. `
          : `Wait until then, and call ${tool.name} again. `) +
        'If you ask for ports in a loop, stop. Do not pick a port yourself.'
      )
    case 'LEASE_LOST':
      return 'Call get-port again. The number may be another one.'
    case 'PORT_OUT_OF_RANGE':
      return (
        `Tell the user, then call get-port without portNumber for a number of ${details.projectName}` +
        (details.owner === null
          ? `, or ask the user to run ports range add ${details.projectName} --start ` +
            `${details.portNumber} first.`
          : '.')
      )
    case 'BUSY':
      return `Call ${tool.name} again.`
    case 'DATABASE_UNAVAILABLE':
      return `Call ${tool.name} again in a moment; if it stays so, tell the user.`
    case 'DATABASE_NOT_MIGRATED':
      return 'migrations' in details
        ? 'Tell the user.'
        : `Ask the user to run ports db migrate, then call ${tool.name} again.`
    case 'OUTCOME_UNKNOWN':
      return whenUnsure(tool)
    default:
      return EXIT_STATUS[code] === OUTAGE_STATUS
        ? 'Tell the user.'
        : 'Call list-ports to see who holds what.'
  }
}

/** How a person raises a limit that was reached. */
function setterOf({ isOwn, limit }: ErrorDetails): string {
  return isOwn
    ? `${LIMIT_VARIABLES[limit as keyof Limits]} in the server's environment`
    : 'ports limit set'
}

function unknownProject(details: ErrorDetails, { name }: Tool): string {
  const projectName = String(details.projectName)
  const meant = probablyMeant(projectName, (details.knownProjects ?? []) as readonly string[])
  const again =
    (meant === undefined ? '' : `Did you mean ${meant}? `) +
    `If that was a misspelling, call ${name} again with the right name.`
  if (name !== 'get-port' && name !== 'allocate-port') {
    return `${again} Otherwise there is nothing to do: a project without a range holds no port.`
  }
  return (
    `${again} If ${projectName} is new, call create-range for it, then ${name} again. Never use the ` +
    'name of another project, and do not pick a port yourself.'
  )
}

/** A repeated allocation would be a second port. */
function whenUnsure({ name, annotations }: Tool): string {
  return annotations.idempotentHint
    ? `Call ${name} again: repeating it does no harm.`
    : `Call list-ports to see whether it happened before you call ${name} again.`
}
