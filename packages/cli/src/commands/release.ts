import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import { inJson } from '../inJson.js'
import { hostnameOption, onlyPortOption, onlyProtocolOption } from '../serviceOptions.js'

export function releaseCommand({ openManager, output, signal, answerNo }: Context) {
  return new Command('release')
    .description('Give up the ports of a service')
    .argument('<project>')
    .argument('<service>')
    .addOption(hostnameOption)
    .addOption(onlyProtocolOption)
    .addOption(onlyPortOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, serviceName, { hostname, protocol, port: portNumber }) => {
      const ports = await openManager()
      const released = await ports.releasePorts(projectName, serviceName, hostname, {
        protocol,
        portNumber,
        signal,
      })
      const service = `${projectName}/${serviceName}`
      const numbers = released.map((port) => `${port.portNumber}/${port.protocol}`).join(', ')
      const isSome = released.length > 0
      output.outcome(
        { released: isSome, projectName, serviceName, ports: inJson(released) },
        isSome
          ? `Released ${numbers} of ${service}.`
          : `Nothing to release: ${service} holds no such port.`,
      )
      if (!isSome) answerNo()
    })
}

const MORE_HELP = `
All of them on the host, unless narrowed. They can be allocated again at once.

Example:
  ports release consilio worker --port 3102`
