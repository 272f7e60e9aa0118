import { Command, Option } from '@commander-js/extra-typings'
import { counted, type Limits } from '@ports/core'
import type { Context } from '../../Context.js'
import { typedNumber } from '../../typedNumber.js'
import { limitedActorOption, limitedProjectOption, nameOfSubject, typedSubject } from './subject.js'

export function setLimitCommand({ openManager, output, signal }: Context) {
  return new Command('set')
    .description('Set the limits of a project or of actors, in place of the old ones')
    .addOption(limitedProjectOption)
    .addOption(limitedActorOption)
    .addOption(
      new Option('--max-ports <number>', 'how many ports they may hold').argParser(typedNumber),
    )
    .addOption(
      new Option('--per-minute <number>', 'how many ports they may get in a minute').argParser(
        typedNumber,
      ),
    )
    .addHelpText('after', MORE_HELP)
    .action(async ({ maxPorts, perMinute, ...typed }, command) => {
      const subject = typedSubject(typed)
      if (!subject) return command.error('give --project or --actor')
      if (maxPorts === undefined && perMinute === undefined) {
        return command.error('give --max-ports or --per-minute')
      }
      const ports = await openManager()
      const limits = {
        ...(maxPorts !== undefined && { maxPorts }),
        ...(perMinute !== undefined && { perMinute }),
      }
      const limit = await ports.setLimit(subject, limits, { signal })
      output.outcome(limit, `Limited ${nameOfSubject(limit)} to ${inWords(limit)}.`)
    })
}

function inWords({ maxPorts, perMinute }: Limits): string {
  const held = maxPorts === undefined ? 'any number of ports' : counted(maxPorts, 'port')
  return `${held} held and ${perMinute ?? 'any number'} given a minute`
}

const MORE_HELP = `
A limit that is not given is removed. Ports that are held already stay. A call that would pass a
limit is refused with status 7, and allocates nothing. All actors that match share the limit.
Imports and moves are not limited.

A caller can choose its own name. So the limit of an actor bounds accidents, such as a program in a
loop. It is no protection. The MCP server has limits of its own for each client:
PORTS_AGENT_MAX_PORTS and PORTS_AGENT_PER_MINUTE.

Examples:
  ports limit set --project consilio --max-ports 20 --per-minute 60
  ports limit set --actor 'claude*' --max-ports 50`
