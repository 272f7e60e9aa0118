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
    .description('List the directories that hold a project, and which instance each is')
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
ports run and ports env record the directory of a project the first time. The first one is the
primary instance. A linked worktree of Git, or another clone, is an instance of its own.

Examples:
  ports checkouts
  ports checkouts shop`
