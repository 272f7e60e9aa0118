import { Argument, Command } from '@commander-js/extra-typings'
import { intersection, nameOfRange } from '@ports/core'
import type { Context } from '../Context.js'
import { reservedNumbers } from '../reservedNumbers.js'
import { onlyProtocolOption } from '../serviceOptions.js'
import { typedBounds } from '../typedBounds.js'

export function unreserveCommand({ openManager, output, signal, answerNo }: Context) {
  return new Command('unreserve')
    .description('Remove a reservation')
    .addArgument(
      new Argument('<ports>', 'exactly the numbers of the reservation').argParser(typedBounds),
    )
    .option('--hostname <host>', 'only the reservation for that host')
    .addOption(onlyProtocolOption)
    .addHelpText('after', MORE_HELP)
    .action(async (bounds, { hostname, protocol }) => {
      const ports = await openManager()
      const removed = await ports.unreserve(bounds, { hostname, protocol, signal })
      if (removed.length > 0) {
        const named = removed.map(reservedNumbers).join(', ')
        const what = removed.length === 1 ? 'reservation' : 'reservations'
        return output.outcome({ removed }, `Removed the ${what} of ${named}.`)
      }
      const others = await ports.listReservations({ signal })
      const near = others.filter((other) => intersection(other, bounds).length > 0)
      const named = near.length > 0 ? ` Reserved are: ${near.map(reservedNumbers).join(', ')}.` : ''
      output.outcome(
        { removed, overlapping: near },
        `Nothing to remove: there is no such reservation of ${nameOfRange(bounds)}.${named}`,
      )
      answerNo()
    })
}

const MORE_HELP = `
To see all reservations: ports reservations

Example:
  ports unreserve 3150-3159`
