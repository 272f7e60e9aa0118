import { Argument, Command, Option } from '@commander-js/extra-typings'
import { counted, nameOfService, type PortAllocation } from '@ports/core'
import type { Context } from '../Context.js'
import { inJson } from '../inJson.js'
import { reservedNumbers } from '../reservedNumbers.js'
import { everyHostOption, onlyProtocolOption } from '../serviceOptions.js'
import { typedBounds } from '../typedBounds.js'
import { typedEnd } from '../typedTime.js'

const STAY = 'stay with the services that hold them'

/** The most live allocations that are named. */
const MAX_NAMED = 10

export function reserveCommand({ openManager, output, signal }: Context) {
  return new Command('reserve')
    .description('Keep numbers out of automatic allocation')
    .addArgument(new Argument('<ports>', 'such as 3150-3159, or 3150').argParser(typedBounds))
    .requiredOption('--reason <text>', 'the reason, which is shown to callers that are refused')
    .addOption(
      new Option('--until <time>', 'when it ends, as ISO 8601 or from now').argParser(typedEnd),
    )
    .addOption(everyHostOption)
    .addOption(onlyProtocolOption)
    .addHelpText('after', MORE_HELP)
    .action(async (bounds, { reason, until: endsAt, hostname, protocol }) => {
      const ports = await openManager()
      const options = { endsAt, hostname, protocol, signal }
      const { reservation, held } = await ports.reserve(bounds, reason, options)
      const end = reservation.endsAt ? ` until ${reservation.endsAt.toISOString()}` : ''
      output.outcome(
        { ...reservation, held: inJson(held) },
        `Reserved ${reservedNumbers(reservation)}${end}.`,
      )
      if (held.length > 0) output.notice(stillHeld(held))
    })
}

function stillHeld(held: readonly PortAllocation[]): string {
  const named = held.slice(0, MAX_NAMED).map((allocation) => {
    const { portNumber, hostname, protocol } = allocation
    return `${portNumber} ${nameOfService(allocation)} (${hostname}/${protocol})`
  })
  const more = held.length > MAX_NAMED ? ` and ${held.length - MAX_NAMED} more` : ''
  const stay = held.length === 1 ? 'stays with the service that holds it' : STAY
  return `${counted(held.length, 'port')} of these ${stay}: ${named.join(', ')}${more}.`
}

const MORE_HELP = `
The numbers may be inside or outside of ranges. A service keeps the numbers that it holds. ports
claim --use-reservation can still take one. If the same numbers are reserved already, the reason and
the end are replaced. Times from now: 90s, 30m, 2h, 7d, 4w. A time without an offset is local. The
database's clock decides when the reservation ends.

Examples:
  ports reserve 3150-3159 --reason 'migration' --until 2027-01-31
  ports reserve 8096 --reason 'jellyfin on the old host' --hostname nas`
