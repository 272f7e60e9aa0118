import { Argument, Command, Option } from '@commander-js/extra-typings'
import { nameOfService } from '@ports/core'
import type { Context } from '../Context.js'
import { nothingTo } from '../heldByOthers.js'
import { inCheckout } from '../inCheckout.js'
import {
  hostnameOption,
  instanceOption,
  projectArgument,
  protocolOption,
  useReservationOption,
} from '../serviceOptions.js'
import { typedNumber } from '../typedNumber.js'

export function moveCommand(context: Context) {
  const { openManager, output, signal, answerNo } = context
  return new Command('move')
    .description('Give a service another port instead of the one that it has, and print it')
    .addArgument(projectArgument)
    .argument('<service>')
    .addArgument(new Argument('<port>', 'the number to give it').argParser(typedNumber))
    .addOption(
      new Option(
        '--from <port>',
        'the port to give up; default: the one that ports get prints',
      ).argParser(typedNumber),
    )
    .addOption(instanceOption)
    .addOption(hostnameOption)
    .addOption(protocolOption)
    .addOption(useReservationOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, serviceName, port, typed) => {
      const options = await inCheckout(context, projectName, typed, { create: false })
      const ports = await openManager()
      const service = ports.service(projectName, serviceName, options)
      const result = await ports.move(projectName, serviceName, port, { ...options, signal })
      if (!result) {
        const { hostname, protocol } = service
        const selection = { hostname, protocol, signal }
        const others = await ports.instancesOf(projectName, serviceName, selection)
        output.outcome(
          { moved: false, ...service, otherInstances: others },
          nothingTo('move', service, others),
        )
        return answerNo()
      }
      const { moved, movedFrom } = result
      output.result({ port, ...service, moved, ...(moved && { movedFrom }) }, () => `${port}`)
      if (moved) output.notice(`Moved ${nameOfService(service)} from ${movedFrom} to ${port}.`)
    })
}

const MORE_HELP = `
The move is one transaction, so no other service can take either number during it. The type, the
description, the Cloudflare hostname, the idempotency key and the lease stay the same. Restart the
service to let it listen on the new port.

Examples:
  ports move consilio web 3120
  ports move consilio worker 3121 --from 3104`
