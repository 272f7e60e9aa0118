import { Command } from '@commander-js/extra-typings'
import { nameOfRange, type Reservation, toSeconds } from '@ports/core'
import type { Context } from '../Context.js'
import type { Columns } from '../table.js'

const COLUMNS: Columns<Reservation> = {
  PORTS: { whole: true, cell: ({ startPort, endPort }) => nameOfRange({ startPort, endPort }) },
  SCOPE: {
    spare: 'whole',
    cell: ({ hostname = '*', protocol = '*' }) => `${hostname}/${protocol}`,
  },
  UNTIL: { whole: true, cell: ({ endsAt }) => endsAt && toSeconds(endsAt) },
  BY: { spare: 'cut', cell: ({ reservedBy }) => reservedBy },
  REASON: { spare: 'cut', cell: ({ reason }) => reason },
}

export function reservationsCommand({ openManager, output, signal }: Context) {
  return new Command('reservations')
    .description('List the numbers that are kept out of automatic allocation')
    .addHelpText('after', MORE_HELP)
    .action(async () => {
      const ports = await openManager()
      const reservations = await ports.listReservations({ signal })
      if (reservations.length === 0) return output.outcome([], 'Nothing is reserved.')
      const { table } = await import('../table.js')
      output.result(reservations, () => table(reservations, COLUMNS, output.stdout))
    })
}

const MORE_HELP = `
A * in SCOPE means every host, or both protocols.

Example:
  ports reservations`
