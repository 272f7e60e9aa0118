import { Command, Option } from '@commander-js/extra-typings'
import { isAbsent, nameOfService, othersToTell, PortsError } from '@ports/core'
import type { Context } from '../Context.js'
import { nothingTo } from '../heldByOthers.js'
import { hostnameWarnings } from '../hostnameWarnings.js'
import { inCheckout } from '../inCheckout.js'
import {
  cloudflareHostnameOption,
  descriptionOption,
  hostnameOption,
  instanceOption,
  onlyPortOption,
  onlyProtocolOption,
  projectArgument,
  typeOption,
} from '../serviceOptions.js'

export function updateCommand(context: Context) {
  const { openManager, output, signal, answerNo } = context
  return new Command('update')
    .description('Change the type, the description or the Cloudflare hostname of a service')
    .addArgument(projectArgument)
    .argument('<service>')
    .addOption(typeOption)
    .option('--no-type', 'clear the type')
    .addOption(descriptionOption)
    .option('--no-description', 'clear the description')
    .addOption(cloudflareHostnameOption)
    .option('--no-cloudflare-hostname', 'clear the Cloudflare hostname')
    .addOption(instanceOption)
    .addOption(hostnameOption)
    .addOption(
      new Option('--all-hosts', 'on every host on which it holds ports').conflicts('hostname'),
    )
    .addOption(onlyProtocolOption)
    .addOption(onlyPortOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, serviceName, options) => {
      const { hostname, allHosts, protocol, port: portNumber } = options
      if ([options.type, options.description, options.cloudflareHostname].every(isAbsent)) {
        throw new PortsError(
          'INVALID_ARGUMENT',
          'No change was given: use --type, --description or --cloudflare-hostname, ' +
            'or --no-… to clear one.',
        )
      }
      const { instance } = await inCheckout(context, projectName, options, { create: false })
      const ports = await openManager()
      const selection = { instance, hostname, allHosts, protocol, portNumber }
      const updated = await ports.updatePort(
        projectName,
        serviceName,
        {
          serviceType: change(options.type),
          description: change(options.description),
          cloudflareHostname: change(options.cloudflareHostname),
        },
        { ...selection, signal },
      )
      const service = ports.service(projectName, serviceName, { instance })
      const result = { updated, projectName, serviceName, instance: service.instance }
      if (updated) {
        const stored = options.cloudflareHostname || undefined
        const others = await othersToTell(ports, service, stored, { signal })
        const warnings = hostnameWarnings(stored, others, output)
        return output.outcome({ ...result, ...warnings }, `Updated ${nameOfService(service)}.`)
      }
      const others = await ports.instancesOf(projectName, serviceName, { ...selection, signal })
      output.outcome({ ...result, otherInstances: others }, nothingTo('update', service, others))
      answerNo()
    })
}

/** `--no-…` arrives as false. */
function change(text: string | false | undefined): string | null | undefined {
  return text === false ? null : text
}

const MORE_HELP = `
It changes all ports of the service on the host, or on all hosts, unless options narrow them.

Example:
  ports update consilio api --type http --no-description`
