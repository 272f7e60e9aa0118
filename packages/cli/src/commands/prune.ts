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
It looks only at directories on this host. It lists what it would release, and asks. Without a
terminal it needs --yes. It lists a port on which something still listens, with the process, and
keeps it. Services of the primary instance may also have ports that were asked for by name from
elsewhere. Of these, it releases only those that are known to have been allocated from the
directory, and lists the others.

Example:
  ports prune consilio`
