import { Command } from '@commander-js/extra-typings'
import { type Checkout, nameOfInstance } from '@ports/core'
import type { Context } from '../Context.js'
import { allOption } from '../serviceOptions.js'
import type { Columns } from '../table.js'

const COLUMNS: Columns<Checkout> = {
  PROJECT: { whole: true, cell: ({ projectName }) => projectName },
  INSTANCE: { whole: true, cell: ({ instance }) => nameOfInstance(instance) },
  HOST: ({ hostname }) => hostname,
  DIRECTORY: { whole: true, cell: ({ directory }) => directory },
}

export function checkoutsCommand({ openManager, output, signal }: Context) {
  return new Command('checkouts')
    .description('List the directories of projects, and which instance each one is')
    .argument('[project]')
    .addOption(allOption)
    .addHelpText('after', MORE_HELP)
    .action(async (projectName) => {
      const ports = await openManager()
      const checkouts = await ports.listCheckouts({
        ...(projectName !== undefined && { projectName }),
        signal,
      })
      if (checkouts.length === 0) return output.outcome([], 'No directory is recorded.')
      const { table } = await import('../table.js')
      output.result(checkouts, () => table(checkouts, COLUMNS, output.stdout))
    })
}

const MORE_HELP = `
A directory is recorded when a command such as ports run first uses it. The first directory of a
project is the primary instance. A linked Git worktree or another clone is an instance of its own. A
directory that was moved within its file system stays the same instance.

Examples:
  ports checkouts
  ports checkouts blog`
