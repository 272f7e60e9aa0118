import type { PortRange } from '@ports/core'
import type { Output } from './Output.js'
import { reservingCommand } from './reservingCommand.js'

/** A problem that a range may have on this host, for programs. */
interface RangeWarning {
  readonly code: 'EPHEMERAL_PORTS'
  readonly message: string
  /** The command that removes the problem, for root. */
  readonly command: string
}

/**
 * Prints a range, and warns on stderr if this host's kernel may give numbers of it to outgoing
 * connections before its services bind them.
 */
export async function printRange(range: PortRange, output: Output): Promise<void> {
  const warnings = await warningsOf(range)
  for (const { message } of warnings) output.notice(`warning: ${message}`)
  output.result(
    { ...range, ...(warnings.length > 0 && { warnings }) },
    () => `${range.startPort}-${range.endPort}`,
  )
}

async function warningsOf(range: PortRange): Promise<RangeWarning[]> {
  const { ephemeralOverlap } = await import('@ports/core')
  const overlap = await ephemeralOverlap([range])
  if (!overlap) return []
  const { ephemeral, exposed } = overlap
  const command = reservingCommand(overlap)
  return [
    {
      code: 'EPHEMERAL_PORTS',
      command,
      message:
        `This host's kernel gives numbers of ${ephemeral.startPort}-${ephemeral.endPort} to ` +
        `outgoing connections, so a service may find one of ${exposed} taken. To prevent ` +
        `that, as root: ${command}\n` +
        'The same setting in a file in /etc/sysctl.d survives a restart.',
    },
  ]
}
