import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'
import { allOption } from '../serviceOptions.js'

export function pruneCommand(context: Context) {
  return new Command('prune')
    .description('Release the ports of directories that no longer exist')
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
Looks only at directories on this host. Lists what it would release, and asks; without a terminal
it needs --yes. A port on which something still listens is listed with its process, and kept.
Services of the primary instance may also get ports by name from elsewhere. Of these ports, only
those that are known to have been allocated from the directory are released, and the others are
listed.

Example:
  ports prune consilio`
