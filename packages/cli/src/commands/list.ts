import { Command, Option } from '@commander-js/extra-typings'
import { isAbsent, type PortAllocation, toSeconds } from '@ports/core'
import type { Context } from '../Context.js'
import { inJson } from '../inJson.js'
import { listResting } from '../listResting.js'
import { allOption } from '../serviceOptions.js'
import type { Columns } from '../table.js'
import { typedNumber } from '../typedNumber.js'

const COLUMNS: Columns<PortAllocation> = {
  PORT: ({ portNumber }) => portNumber,
  PROJECT: ({ projectName }) => projectName,
  SERVICE: ({ serviceName }) => serviceName,
  INSTANCE: ({ instance }) => instance || undefined,
  SCOPE: { whole: true, cell: ({ hostname, protocol }) => `${hostname}/${protocol}` },
  STATUS: { spare: 'whole', cell: ({ status }) => status },
  CHECKED: {
    spare: 'whole',
    cell: ({ lastCheckedAt }) => (lastCheckedAt ? minute(lastCheckedAt) : 'never'),
  },
  'LEASE UNTIL': {
    spare: 'whole',
    cell: ({ leaseEndsAt }) => leaseEndsAt && toSeconds(leaseEndsAt),
  },
  TYPE: { spare: 'cut', cell: ({ serviceType }) => serviceType },
  CLOUDFLARE: { spare: 'cut', cell: ({ cloudflareHostname }) => cloudflareHostname },
  DESCRIPTION: { spare: 'cut', cell: ({ description }) => description },
}

/** As in 2026-11-26T14:05Z: ISO 8601, to the minute. */
function minute(time: Date): string {
  return time.toISOString().replace(/:\d\d\.\d{3}Z$/, 'Z')
}

export function listCommand(context: Context) {
  const { openManager, output, signal } = context
  return new Command('list')
    .description('List the ports that are held, by one project or by all')
    .argument('[project]')
    .addOption(allOption)
    .option('--service <name>', 'only those of services of that name')
    .option('--hostname <host>', 'only those on that host; default: all hosts')
    .addOption(new Option('--port <number>', 'only that number').argParser(typedNumber))
    .option('--resting', 'list the numbers that rest instead, and the services that held them last')
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, { service: serviceName, hostname, port: portNumber, resting }) => {
      const options = { serviceName, hostname, portNumber, signal }
      if (resting) return listResting(context, projectName, options)
      const ports = await openManager()
      const allocations = isAbsent(projectName)
        ? await ports.listAll(options)
        : await ports.listByProject(projectName, options)
      const isNarrowed = ![serviceName, hostname, portNumber].every(isAbsent)
      const none = isNarrowed ? 'No such port is held.' : 'No ports are held.'
      if (allocations.length === 0) return output.outcome([], none)
      const { table } = await import('../table.js')
      output.result(inJson(allocations), () => table(allocations, COLUMNS, output.stdout))
    })
}

const MORE_HELP = `
STATUS is in_use if something listened at the last audit that could tell. CHECKED is the time of
that audit. A port with a lease is held until the end of the lease, unless it is renewed. A narrow
terminal shows fewer columns. --json has all, and the ids.

Nobody holds a number that rests. Until the end of its rest, only the service that held it last can
get it. ports rest says how long a rest lasts.

Examples:
  ports list consilio
  ports list consilio --resting
  ports list --port 3100`
