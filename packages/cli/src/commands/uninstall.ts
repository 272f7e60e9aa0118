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
With --yes it removes the embedded registry with its server, your settings, and the completion
scripts in your home directory. It keeps everything else: files of others, the ports.json files of
your projects, the settings of the machine, and a registry in a database of your own. It refuses
while such a database is set. If PORTS_HOME names another registry than the default one, and that
exists, it keeps your settings and completion scripts. Without --yes it ends with status 1 if there
is something to remove. After an interruption, run it again. To remove the program itself, use your
package manager.

Examples:
  ports uninstall
  ports dump > registry.json && ports uninstall --yes`
