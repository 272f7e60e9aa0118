import { Command } from '@commander-js/extra-typings'
import { othersToTell } from '@ports/core'
import type { Context } from '../Context.js'
import { hostnameWarnings } from '../hostnameWarnings.js'
import {
  cloudflareHostnameOption,
  descriptionOption,
  hostnameOption,
  instanceOption,
  protocolOption,
  typeOption,
} from '../serviceOptions.js'

export function allocateCommand({ openManager, output, signal }: Context) {
  return new Command('allocate')
    .description('Give a service one more port, and print it')
    .argument('<project>')
    .argument('<service>')
    .addOption(instanceOption)
    .addOption(hostnameOption)
    .addOption(protocolOption)
    .addOption(typeOption)
    .addOption(descriptionOption)
    .addOption(cloudflareHostnameOption)
    .option('--idempotency-key <text>', 'asked again under the same key, print the same port')
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, serviceName, options) => {
      const { type: serviceType, ...rest } = options
      const ports = await openManager()
      const port = await ports.allocate(projectName, serviceName, {
        ...rest,
        serviceType,
        signal,
      })
      const service = ports.service(projectName, serviceName, options)
      const others = await othersToTell(ports, service, options.cloudflareHostname, { signal })
      const warnings = hostnameWarnings(options.cloudflareHostname, others, output)
      output.result({ port, ...service, ...warnings }, () => `${port}`)
    })
}

const MORE_HELP = `
It is the lowest free port of the project, also when the service has one already.
To ask for the port that it has: ports get.

Example:
  ports allocate consilio worker --description "the second one"`
