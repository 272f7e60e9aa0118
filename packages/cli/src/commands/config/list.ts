import { Command } from '@commander-js/extra-typings'
import type { Setting } from '@ports/db/settings'
import type { Context } from '../../Context.js'
import type { Columns } from '../../table.js'

const COLUMNS: Columns<Setting> = {
  FIELD: ({ field }) => field,
  VALUE: ({ value }) => (value === null ? undefined : String(value)),
  FROM: { whole: true, cell: ({ from }) => from ?? 'default' },
}

export function configListCommand({ settings, output }: Context) {
  return new Command('list')
    .description('List the settings in effect here, and where each comes from')
    .addHelpText('after', MORE_HELP)
    .action(async () => {
      const all = await settings.list()
      const { table } = await import('../../table.js')
      output.result(all, () => table(all, COLUMNS, output.stdout))
    })
}

const MORE_HELP = `
A setting comes from its environment variable, else from the user's file
($XDG_CONFIG_HOME/ports/config.json, by default ~/.config/ports/config.json), else from
/etc/ports/config.json. It does not show the password of a database.

Example:
  ports config list`
