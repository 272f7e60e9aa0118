import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import {
  cloudflareHostnameOption,
  descriptionOption,
  hostnameOption,
  instanceOption,
  protocolOption,
  typeOption,
} from '../serviceOptions.js'

export function getCommand({ openManager, output, signal }: Context) {
  return new Command('get')
    .description('Print the port of a service; the first time, allocate it')
    .argument('<project>')
    .argument('<service>')
    .addOption(instanceOption)
    .addOption(hostnameOption)
    .addOption(protocolOption)
    .addOption(typeOption)
    .addOption(descriptionOption)
    .addOption(cloudflareHostnameOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, serviceName, options) => {
      const { type: serviceType, ...rest } = options
      const ports = await openManager()
      const port = await ports.getOrAllocate(projectName, serviceName, {
        ...rest,
        serviceType,
        signal,
      })
      const service = ports.service(projectName, serviceName, options)
      output.result({ port, ...service }, () => `${port}`)
    })
}

const MORE_HELP = `
The first time it is the lowest free port of the project, from then on always the same one,
until it is released. What is said about the service fills in what is not known yet.

Example:
  PORT=$(ports get consilio api)`
