import { Command } from '@commander-js/extra-typings'
import { isAbsent, PortsError } from '@ports/core'
import type { Context } from '../Context.js'
import {
  cloudflareHostnameOption,
  descriptionOption,
  hostnameOption,
  onlyPortOption,
  onlyProtocolOption,
  typeOption,
} from '../serviceOptions.js'

export function updateCommand({ openManager, output, signal, answerNo }: Context) {
  return new Command('update')
    .description('Change what is said about a service')
    .argument('<project>')
    .argument('<service>')
    .addOption(typeOption)
    .option('--no-type', 'clear the type')
    .addOption(descriptionOption)
    .option('--no-description', 'clear the description')
    .addOption(cloudflareHostnameOption)
    .option('--no-cloudflare-hostname', 'clear the Cloudflare hostname')
    .addOption(hostnameOption)
    .addOption(onlyProtocolOption)
    .addOption(onlyPortOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, serviceName, options) => {
      const { hostname, protocol, port: portNumber } = options
      if ([options.type, options.description, options.cloudflareHostname].every(isAbsent)) {
        throw new PortsError(
          'INVALID_ARGUMENT',
          'Nothing to change was given: use --type, --description or --cloudflare-hostname, ' +
            'or --no-… to clear one.',
        )
      }
      const ports = await openManager()
      const updated = await ports.updatePort(
        projectName,
        serviceName,
        {
          serviceType: change(options.type),
          description: change(options.description),
          cloudflareHostname: change(options.cloudflareHostname),
        },
        { hostname, protocol, portNumber, signal },
      )
      const service = `${projectName}/${serviceName}`
      output.outcome(
        { updated, projectName, serviceName },
        updated ? `Updated ${service}.` : `Nothing to update: ${service} holds no such port.`,
      )
      if (!updated) answerNo()
    })
}

/** `--no-…` arrives as false. */
function change(text: string | false | undefined): string | null | undefined {
  return text === false ? null : text
}

const MORE_HELP = `
On all its ports on the host, unless narrowed.

Example:
  ports update consilio api --type http --no-description`
