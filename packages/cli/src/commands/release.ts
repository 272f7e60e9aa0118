import { Command, Option } from '@commander-js/extra-typings'
import { nameOfService } from '@ports/core'
import type { Context } from '../Context.js'
import { nothingTo } from '../heldByOthers.js'
import { inCheckout } from '../inCheckout.js'
import { inJson } from '../inJson.js'
import { numbersOf } from '../numbersOf.js'
import { releaseAllServices } from '../releaseAllServices.js'
import {
  hostnameOption,
  idOption,
  instanceOption,
  onlyPortOption,
  onlyProtocolOption,
  projectArgument,
} from '../serviceOptions.js'

export function releaseCommand(context: Context) {
  const { openManager, output, signal, answerNo } = context
  return new Command('release')
    .description('Release the ports of a service, and print their numbers')
    .addArgument(projectArgument)
    .argument('[service]')
    .addOption(instanceOption)
    .addOption(hostnameOption)
    .addOption(onlyProtocolOption)
    .addOption(onlyPortOption)
    .addOption(idOption)
    .addOption(
      new Option(
        '--all-services',
        'release the ports of all services of the project, after a confirmation',
      ).conflicts(['port', 'id']),
    )
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, serviceName, typed, command) => {
      if (Boolean(typed.allServices) === (serviceName !== undefined)) {
        return command.error('give a service, or --all-services')
      }
      const options = await inCheckout(context, projectName, typed, { create: false })
      if (serviceName === undefined) return releaseAllServices(context, projectName, options)
      const { instance, hostname, protocol, port: portNumber, id: allocationId } = options
      const ports = await openManager()
      const narrowed = { instance, protocol, portNumber, signal }
      const released = await ports.releasePorts(projectName, serviceName, hostname, {
        ...narrowed,
        allocationId,
      })
      const service = ports.service(projectName, serviceName, { instance })
      const isSome = released.length > 0
      const result = {
        released: isSome,
        projectName,
        serviceName,
        instance: service.instance,
        ports: inJson(released),
      }
      if (isSome) {
        const message = `Released ${numbersOf(released)} of ${nameOfService(service)}.`
        return output.outcome(result, message)
      }
      const others = await ports.instancesOf(projectName, serviceName, { ...narrowed, hostname })
      output.outcome({ ...result, otherInstances: others }, nothingTo('release', service, others))
      answerNo()
    })
}

const MORE_HELP = `
It releases all ports of the service on the host, unless options narrow them. The numbers can be
allocated again at once, unless the project has a rest. Then only the same service can get them
until the rest ends. To see or set the rest: ports rest. With --all-services it lists what it would
release, and asks. Without a terminal it needs --yes.

Examples:
  ports release consilio worker --port 3102
  ports release consilio --all-services --instance login`
