import { ephemeralOverlap, lookAtHost, type PortAllocation } from '@ports/core'
import { reservingCommand } from '../reservingCommand.js'
import type { Check } from './Check.js'
import { CannotCheck } from './Subject.js'

/** Checks whether the kernel may give numbers of the projects to outgoing connections. */
export const ephemeralCheck: Check = {
  name: 'ephemeral',
  async run(subject) {
    const records = await subject.records()
    if (records === undefined) return []
    if (!records.seesServices || (await lookAtHost('tcp')).kernelPorts === undefined) {
      const message = "the settings of the services' kernel cannot be read from here."
      throw new CannotCheck(message, 'Run ports where the services run.')
    }
    const { hostname: here } = (await subject.context.openManager()).scope()
    const ranges = records.ranges.filter(({ hostname = here }) => hostname === here)
    const overlap = await ephemeralOverlap(ranges)
    if (overlap === undefined) {
      const message = 'The kernel gives no number of a project to outgoing connections.'
      return [{ state: 'ok', message }]
    }
    const { ephemeral, exposed } = overlap
    const held = await heldAmong(records.allocations.filter(({ hostname }) => hostname === here))
    return [
      {
        state: 'warning',
        message:
          `The kernel gives the numbers ${ephemeral.startPort}-${ephemeral.endPort} to outgoing ` +
          `connections. Projects own ${exposed} of them. ${held}.`,
        fix:
          `As root: ${reservingCommand(overlap)}; the same setting in a file in /etc/sysctl.d ` +
          'survives a restart.',
      },
    ]
  },
}

/** Says how many of those numbers services hold. */
async function heldAmong(allocations: readonly PortAllocation[]): Promise<string> {
  const numbers = [...new Set(allocations.map(({ portNumber }) => portNumber))]
  const held = await ephemeralOverlap(
    numbers.map((number) => ({ startPort: number, endPort: number })),
  )
  return held === undefined ? 'Services hold none of those' : `Services hold ${held.exposed}`
}
