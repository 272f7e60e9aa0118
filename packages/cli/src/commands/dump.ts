import { Command } from '@commander-js/extra-typings'
import { printableJson } from '@ports/core'
import type { Context } from '../Context.js'

export function dumpCommand({ openManager, output, signal }: Context) {
  return new Command('dump')
    .description('Print the whole registry as a JSON document')
    .addHelpText('after', MORE_HELP)
    .action(async () => {
      const ports = await openManager()
      const document = await ports.dump({ signal })
      output.result(document, () => printableJson(JSON.stringify(document, null, 2)))
    })
}

const MORE_HELP = `
The document shows the registry at one moment. It contains the history and the idempotency keys, but
not the results of audits. To load it: ports load

Example:
  ports dump > registry.json`
