import { Command, Option } from '@commander-js/extra-typings'
import { nameOfService, toSeconds } from '@ports/core'
import type { Context } from '../Context.js'
import { inCheckout } from '../inCheckout.js'
import { inJson } from '../inJson.js'
import { numbersOf } from '../numbersOf.js'
import {
  hostnameOption,
  idOption,
  instanceOption,
  onlyPortOption,
  onlyProtocolOption,
  projectArgument,
} from '../serviceOptions.js'
import { typedSeconds } from '../typedTime.js'

export function renewCommand(context: Context) {
  const { openManager, output, signal } = context
  return new Command('renew')
    .description('Renew the leases of a service')
    .addArgument(projectArgument)
    .argument('<service>')
    .addOption(
      new Option('--ttl <time>', 'how long from now, such as 90s, 10m or 2h')
        .argParser(typedSeconds('ttl'))
        .makeOptionMandatory(),
    )
    .addOption(instanceOption)
    .addOption(hostnameOption)
    .addOption(onlyProtocolOption)
    .addOption(onlyPortOption)
    .addOption(idOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, serviceName, typed) => {
      const options = await inCheckout(context, projectName, typed, { create: false })
      const { ttl, port: portNumber, id: allocationId, ...scoped } = options
      const ports = await openManager()
      const narrowed = { ...scoped, portNumber, allocationId, signal }
      const renewed = await ports.renew(projectName, serviceName, ttl, narrowed)
      const service = ports.service(projectName, serviceName, { instance: options.instance })
      const { instance } = service
      const [{ leaseEndsAt }] = renewed as [(typeof renewed)[number]]
      output.outcome(
        { projectName, serviceName, instance, renewed: inJson(renewed) },
        `Renewed ${numbersOf(renewed)} of ${nameOfService(service)} until ${toSeconds(leaseEndsAt)}.`,
      )
    })
}

const MORE_HELP = `
It renews all leases of the service on the host, unless options narrow them. A lease that has ended
cannot be renewed: the command ends with status 4, and another service may have the number. --id
renews only the allocation with that id, as get --json and list --json print it, and never a later
one of the same service. To get a port with a lease: ports get --ttl

Examples:
  ports renew ci web --ttl 10m
  ports renew ci web --ttl 10m --id 4711`
