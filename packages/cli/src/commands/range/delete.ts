import { Command } from '@commander-js/extra-typings'
import type { Context } from '../../Context.js'

export function rangeDeleteCommand({ openManager, output, signal }: Context) {
  return new Command('delete')
    .description('Take the range from a project')
    .argument('<project>')
    .addHelpText('after', MORE_HELP)
    .action(async (projectName) => {
      const ports = await openManager()
      await ports.deleteRange(projectName, { signal })
      output.outcome({ deleted: true, projectName }, `${projectName} has no range any more.`)
    })
}

const MORE_HELP = `
Refused while the project holds a port.

Example:
  ports range delete myapp`
