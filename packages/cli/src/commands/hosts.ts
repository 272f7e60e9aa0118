import { Command } from '@commander-js/extra-typings'
import { type KnownHost, toSeconds } from '@ports/core'
import type { Context } from '../Context.js'
import type { Columns } from '../table.js'

const COLUMNS: Columns<KnownHost> = {
  HOST: { whole: true, cell: ({ hostname }) => hostname },
  PORTS: ({ allocations }) => allocations,
  'LAST CHANGE': {
    whole: true,
    cell: ({ lastChangedAt }) => lastChangedAt && toSeconds(lastChangedAt),
  },
}

export function hostsCommand({ openManager, output, signal }: Context) {
  return new Command('hosts')
    .description('List the hosts that the registry knows, and how many ports each holds')
    .addHelpText('after', MORE_HELP)
    .action(async () => {
      const ports = await openManager()
      const hosts = await ports.listHosts({ signal })
      if (hosts.length === 0) return output.outcome([], 'No host is known.')
      const { table } = await import('../table.js')
      output.result(hosts, () => table(hosts, COLUMNS, output.stdout))
    })
}

const MORE_HELP = `
A host without ports is listed if the history has it. LAST CHANGE is the time of the last change of
a port there.

Example:
  ports hosts`
