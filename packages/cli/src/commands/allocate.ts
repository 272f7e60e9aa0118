import { Command } from '@commander-js/extra-typings'
import { currentDirectory, noteMadeFrom, othersToTell, type PortAllocation } from '@ports/core'
import type { Context } from '../Context.js'
import { hostnameWarnings } from '../hostnameWarnings.js'
import { inCheckout } from '../inCheckout.js'
import { inJson } from '../inJson.js'
import { contiguousOption, countOption } from '../layoutOptions.js'
import { noticesOfLeases } from '../noticesOfLeases.js'
import {
  cloudflareHostnameOption,
  descriptionOption,
  hostnameOption,
  instanceOption,
  projectArgument,
  protocolOption,
  ttlOption,
  typeOption,
} from '../serviceOptions.js'

export function allocateCommand(context: Context) {
  const { openManager, output, signal } = context
  return new Command('allocate')
    .description('Give a service one more port, or several, and print them')
    .addArgument(projectArgument)
    .argument('<service>')
    .addOption(instanceOption)
    .addOption(hostnameOption)
    .addOption(protocolOption)
    .addOption(countOption)
    .addOption(contiguousOption)
    .addOption(ttlOption)
    .addOption(typeOption)
    .addOption(descriptionOption)
    .addOption(cloudflareHostnameOption)
    .option('--idempotency-key <text>', 'print the same ports when called again with the same key')
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, serviceName, typed) => {
      const options = await inCheckout(context, projectName, typed, { create: true })
      const { type: serviceType, ttl: ttlSeconds, count, ...rest } = options
      const asked = { ...rest, serviceType, ttlSeconds, count, signal }
      const ports = await openManager()
      const service = ports.service(projectName, serviceName, options)
      const allocations = await ports.allocatePorts(projectName, serviceName, asked)
      const numbers = allocations.map(({ portNumber }) => portNumber)
      const others = await othersToTell(ports, service, options.cloudflareHostname, { signal })
      const warnings = hostnameWarnings(options.cloudflareHostname, others, output)
      const [{ id, leaseEndsAt }] = allocations as [PortAllocation, ...PortAllocation[]]
      const answer =
        count === undefined
          ? { id, port: numbers[0], leaseEndsAt }
          : { ports: numbers, allocations: inJson(allocations) }
      output.result({ ...answer, ...service, ...warnings }, () => numbers.join('\n'))
      for (const notice of noticesOfLeases(allocations)) output.notice(notice)
      const directory = currentDirectory()
      const made = allocations.map((each) => ({ ...each, created: true }))
      if (directory !== undefined) await noteMadeFrom(ports, directory, made, { signal })
    })
}

const MORE_HELP = `
It allocates the lowest available port of the project, even if the service has one already. To print
the port that a service has: ports get. With --count, either all are allocated or none. Each number
is printed on a line of its own. With --ttl each has a lease, which ports renew extends. --json has
the id of each allocation, for renew --id and release --id.

Examples:
  ports allocate consilio worker --description "the second one"
  ports allocate consilio rtp --count 4 --contiguous`
