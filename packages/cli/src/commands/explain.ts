import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import { printExplanation } from '../explain/printExplanation.js'
import { targetOf } from '../explain/targetOf.js'
import { tellNoRegistry } from '../explain/tellNoRegistry.js'
import { inJson } from '../inJson.js'
import { hostnameOption, instanceOption, protocolOption } from '../serviceOptions.js'

export function explainCommand(context: Context) {
  const { openManager, output, signal } = context
  return new Command('explain')
    .description('Show whose a port is, what listens on it, and the next safe step')
    .argument('<port|service>', 'a number, project/service, or a service of the project here')
    .addOption(instanceOption)
    .addOption(hostnameOption)
    .addOption(protocolOption)
    .addHelpText('after', MORE_HELP)
    .action(async (typed, options) => {
      const target = await targetOf(context, typed, options)
      if (!target) return
      const { port, protocol } = target
      const ports = await openManager()
      const { hostname } = options
      const explanation = await ports.explainPort(port, { hostname, protocol, signal })
      tellNoRegistry(output, explanation)
      output.result(inJson(explanation), () => printExplanation(explanation))
    })
}

const MORE_HELP = `
It changes nothing. A process is the holder's if it runs in the directory of the service, or if
ports run started it for the service. It is a stranger if the records say otherwise, and
unattributed if they do not say whose it is. Only root sees the processes of other users.

Examples:
  ports explain 3102
  ports explain consilio/web --json`
