import { Command } from '@commander-js/extra-typings'
import { nameOfService } from '@ports/core'
import type { Context } from '../Context.js'
import { holdsNoSuchPort } from '../holdsNoSuchPort.js'
import { inJson } from '../inJson.js'
import {
  hostnameOption,
  instanceOption,
  onlyPortOption,
  onlyProtocolOption,
} from '../serviceOptions.js'

export function releaseCommand({ openManager, output, signal, answerNo }: Context) {
  return new Command('release')
    .description('Give up the ports of a service')
    .argument('<project>')
    .argument('<service>')
    .addOption(instanceOption)
    .addOption(hostnameOption)
    .addOption(onlyProtocolOption)
    .addOption(onlyPortOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, serviceName, { instance, hostname, protocol, port }) => {
      const ports = await openManager()
      const options = { instance, protocol, portNumber: port, signal }
      const released = await ports.releasePorts(projectName, serviceName, hostname, options)
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
        const numbers = released.map((it) => `${it.portNumber}/${it.protocol}`).join(', ')
        return output.outcome(result, `Released ${numbers} of ${nameOfService(service)}.`)
      }
      const others = await ports.instancesOf(projectName, serviceName, { ...options, hostname })
      output.outcome(
        { ...result, otherInstances: others },
        `Nothing to release: ${holdsNoSuchPort(service, others)}`,
      )
      answerNo()
    })
}

const MORE_HELP = `
All of them on the host, unless narrowed. They can be allocated again at once.

Example:
  ports release consilio worker --port 3102`
