import { Argument, Command } from '@commander-js/extra-typings'
import { currentDirectory, noteMadeFrom, PASS_OVER_REASONS } from '@ports/core'
import type { Context } from '../Context.js'
import { hostnameWarnings } from '../hostnameWarnings.js'
import { inCheckout } from '../inCheckout.js'
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
  useReservationOption,
} from '../serviceOptions.js'
import { typedNumber } from '../typedNumber.js'

export function claimCommand(context: Context) {
  const { openManager, output, signal } = context
  return new Command('claim')
    .description('Give a service one particular port, and print it')
    .addArgument(projectArgument)
    .argument('<service>')
    .addArgument(new Argument('<port>', 'the number to give it').argParser(typedNumber))
    .addOption(instanceOption)
    .addOption(hostnameOption)
    .addOption(protocolOption)
    .addOption(ttlOption)
    .addOption(typeOption)
    .addOption(descriptionOption)
    .addOption(cloudflareHostnameOption)
    .addOption(useReservationOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, serviceName, port, typed) => {
      const options = await inCheckout(context, projectName, typed, { create: true })
      const { type: serviceType, ttl: ttlSeconds, ...rest } = options
      const ports = await openManager()
      const claimed = await ports.claim(projectName, serviceName, port, {
        ...rest,
        serviceType,
        ttlSeconds,
        signal,
      })
      const { allocation, created, caution, sameCloudflareHostname: others } = claimed
      const service = ports.service(projectName, serviceName, options)
      const warnings = hostnameWarnings(allocation.cloudflareHostname, others, output)
      const { id, leaseEndsAt } = allocation
      const told = { id, port, ...service, created, caution, leaseEndsAt, ...warnings }
      output.result(told, () => `${port}`)
      const directory = currentDirectory()
      const made = [{ ...allocation, created }]
      if (directory !== undefined) await noteMadeFrom(ports, directory, made, { signal })
      for (const notice of noticesOfLeases([allocation])) output.notice(notice)
      if (caution) output.notice(`Note on ${port}: ${PASS_OVER_REASONS[caution]}.`)
    })
}

const MORE_HELP = `
The claim is refused if another service holds the number, if the number is reserved, or if it is
outside of the project's ranges. After a claim, ports get prints the number for the service. The
service keeps its other ports. With --ttl the port has a lease, which the same command or ports
renew extends.

Examples:
  ports claim consilio web 3105
  ports claim ci web 3105 --ttl 10m`
