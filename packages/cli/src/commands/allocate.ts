import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import {
  cloudflareHostnameOption,
  descriptionOption,
  hostnameOption,
  protocolOption,
  typeOption,
} from '../serviceOptions.js'

export function allocateCommand({ openManager, output, signal }: Context) {
  return new Command('allocate')
    .description('Give a service one more port, and print it')
    .argument('<project>')
    .argument('<service>')
    .addOption(hostnameOption)
    .addOption(protocolOption)
    .addOption(typeOption)
    .addOption(descriptionOption)
    .addOption(cloudflareHostnameOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, serviceName, options) => {
      const { hostname, protocol, type: serviceType, description, cloudflareHostname } = options
      const ports = await openManager()
      const port = await ports.allocate(projectName, serviceName, {
        hostname,
        protocol,
        serviceType,
        description,
        cloudflareHostname,
        signal,
      })
      output.result({ port, projectName, serviceName, ...ports.scope(options) }, () => `${port}`)
    })
}

const MORE_HELP = `
It is the lowest free port of the project, also when the service has one already.
To ask for the port that it has: ports get.

Example:
  ports allocate consilio worker --description "the second one"`
