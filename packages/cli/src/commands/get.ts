import { Command, Option } from '@commander-js/extra-typings'
import { currentDirectory, ensureListed, isAbsent, nameOfRange } from '@ports/core'
import type { Context } from '../Context.js'
import { findPort } from '../findPort.js'
import { asksForSeveral, getSeveral } from '../getSeveral.js'
import { inCheckout, inKnownCheckout } from '../inCheckout.js'
import { inJson } from '../inJson.js'
import { bothProtocolsOption, contiguousOption, countOption } from '../layoutOptions.js'
import { printPorts } from '../printPorts.js'
import {
  cloudflareHostnameOption,
  descriptionOption,
  hostnameOption,
  instanceOption,
  projectArgument,
  protocolOption,
  ttlOption,
  typeOption,
} from '../serviceOptions.js'
import { typedNumber } from '../typedNumber.js'
import { withRange } from '../withRange.js'

export function getCommand(context: Context) {
  const { openManager, output, signal } = context
  return new Command('get')
    .description('Print the ports of services, and allocate those that they lack')
    .addArgument(projectArgument)
    .argument('<service...>')
    .addOption(preferOption)
    .addOption(createRangeOption)
    .addOption(existingOption)
    .addOption(instanceOption)
    .addOption(hostnameOption)
    .addOption(protocolOption)
    .addOption(bothProtocolsOption)
    .addOption(countOption)
    .addOption(contiguousOption)
    .addOption(ttlOption)
    .addOption(typeOption)
    .addOption(descriptionOption)
    .addOption(cloudflareHostnameOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, services, typed, command) => {
      const { type: serviceType, prefer: preferredPort, ttl: ttlSeconds, ...others } = typed
      const { createRange, existing, ...rest } = others
      const isSeveral = asksForSeveral(services, rest)
      const serviceName = services[0]!
      if (existing && isSeveral) return command.error('give --existing with one service')
      if (existing) {
        const scoped = await inKnownCheckout(context, projectName, serviceName, rest)
        return scoped && findPort(context, projectName, serviceName, scoped)
      }
      const ports = await openManager()
      const asked = async () => ({
        ...(await inCheckout(context, projectName, rest, { create: true })),
        serviceType,
        preferredPort,
        ttlSeconds,
      })
      if (isSeveral) {
        return withRange(context, projectName, createRange, async () =>
          getSeveral(context, projectName, services, await asked()),
        )
      }
      // Typed options take precedence over the service's entry in the file.
      const choices = [preferredPort, ttlSeconds, rest.protocol, rest.hostname, rest.instance]
      const directory = choices.every(isAbsent) ? currentDirectory() : undefined
      const listed =
        directory === undefined
          ? undefined
          : await ensureListed(ports, directory, projectName, serviceName, { signal })
      for (const range of listed?.createdRanges ?? []) {
        output.notice(`Created the range ${nameOfRange(range)} for ${projectName}.`)
      }
      const ensured = await withRange(context, projectName, createRange, async () =>
        ports.ensure(projectName, serviceName, {
          ...(await asked()),
          ...(listed && { protocol: listed.protocol }),
          signal,
        }),
      )
      const { allocation, cannotSee, sameCloudflareHostname } = ensured
      const { created, skipped } = listed ?? ensured
      const { portNumber: port } = allocation
      const service = ports.service(projectName, serviceName, allocation)
      const got = {
        allocations: [
          { ...allocation, created, ...(sameCloudflareHostname && { sameCloudflareHostname }) },
        ],
        skipped: skipped.map((each) => ({ ...each, protocol: allocation.protocol })),
        cannotSee,
      }
      await printPorts(context, ports, got, {
        json: {
          id: allocation.id,
          port,
          ...service,
          created,
          skipped: skipped.map(inJson),
          ...(allocation.leaseEndsAt && { leaseEndsAt: allocation.leaseEndsAt }),
        },
        numbers: [port],
      })
    })
}

const preferOption = new Option(
  '--prefer <number>',
  'the port to allocate if it has none yet and this one is available',
).argParser(typedNumber)

const createRangeOption = new Option(
  '--create-range [size]',
  'give the project a range of this size if it has none; without a size: the setting rangeSize',
).argParser(typedNumber)

const existingOption = new Option(
  '--existing',
  'allocate nothing; end with status 1 if it has no port',
).conflicts(['prefer', 'ttl', 'createRange', 'type', 'description', 'cloudflareHostname'])

const MORE_HELP = `
The first call allocates the lowest available port of the project. It passes over a number on which
something else listens. From then on the service has the same port until it is released. Options
that describe the service fill in what is not set yet. stderr says what this call allocated, which
numbers it passed over, whether a name looks mistyped, and whether this process cannot see which
numbers are in use.

In a directory with a ports.json, or below it, the project can be omitted: ports get web. Several
words are services of that project if the file lists all of them. A service in the file gets the
ports that the file asks for, as with ports run, unless options ask for others.

With --ttl the service has a lease: the port is released at the end, unless ports get --ttl or
ports renew is called before then. Without --ttl an existing lease stays as it is. A port that is
held without a lease does not get one.

If several services or several ports are asked for, either all are allocated or none. Each number is
printed on a line of its own. A service that holds ports keeps them. The command is refused if these
differ from the ports that it asks for.

Examples:
  ports get consilio api
  ports get consilio api --existing   # status 1: it has none; 5: the database failed
  ports get consilio web api worker
  ports get consilio rtp --count 4 --contiguous
  ports get ci web --ttl 10m

To start a server on its port: ports run`
