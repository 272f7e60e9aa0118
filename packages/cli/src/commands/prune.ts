import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import { allOption } from '../serviceOptions.js'

export function pruneCommand(context: Context) {
  return new Command('prune')
    .description('Release the ports of checkouts whose directories are gone')
    .argument('[project]')
    .addOption(allOption)
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', MORE_HELP)
    .action(async (projectName, { yes = false }) => {
      const { pruneCheckouts } = await import('../pruneCheckouts.js')
      await pruneCheckouts(context, projectName, yes)
    })
}

const MORE_HELP = `
Only directories of this host. It lists what it would release, and asks; without a terminal it
needs --yes. A port on which something still listens is shown with its process, and stays held.

Example:
  ports prune consilio`
