import { Command } from '@commander-js/extra-typings'
import type { Context } from '../Context.js'

export function uninstallCommand(context: Context) {
  return new Command('uninstall')
    .description('Show what ports has made for you on this machine, and remove it')
    .option('-y, --yes', 'remove it; without this nothing is removed')
    .addHelpText('after', MORE_HELP)
    .action(async ({ yes = false }) => {
      const { uninstall } = await import('../uninstall/uninstall.js')
      await uninstall(context, yes)
    })
}

const MORE_HELP = `
This is the embedded registry with its server, your settings, and completion scripts in your home.
Everything else is kept: files of others, ports.json of your projects, the settings of the machine,
and a registry in a database of your own. While such a database is set, it refuses. After an
interruption, run it again. It does not remove the program: do that with your package manager.

Examples:
  ports uninstall
  ports dump > registry.json && ports uninstall --yes`
