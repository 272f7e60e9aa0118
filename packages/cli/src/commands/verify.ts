import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import { hostnameOption, protocolOption } from '../serviceOptions.js'
import { typedNumber } from '../typedNumber.js'

export function verifyCommand({ openManager, output, signal, answerNo }: Context) {
  return new Command('verify')
    .description('Tell whether something is listening on a port')
    .argument('<port>', '', typedNumber)
    .addOption(hostnameOption)
    .addOption(protocolOption)
    .addHelpText('after', MORE_HELP)
    .action(async (port, { hostname, protocol }) => {
      const ports = await openManager()
      const listening = await ports.verifyPort(port, hostname, protocol, { signal })
      output.result({ port, ...ports.scope({ hostname, protocol }), listening }, () =>
        listening ? 'listening' : 'not listening',
      )
      if (!listening) answerNo()
    })
}

const MORE_HELP = `
Example:
  ports verify 3100 && echo the api is up`
