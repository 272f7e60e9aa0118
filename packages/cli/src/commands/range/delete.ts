import { Command } from '@commander-js/extra-typings'
import type { PortManager, PortRange } from '@ports/core'
import type { Context } from '../../Context.js'

export function rangeDeleteCommand({ openManager, output, signal, database }: Context) {
  return new Command('delete')
    .description('Take all ranges from projects')
    .argument('[project...]')
    .option('--defaults', 'the default ranges that are unused')
    .addHelpText('after', MORE_HELP)
    .action(async (named, { defaults }, command) => {
      if (Boolean(defaults) === named.length > 0) {
        return command.error('give projects, or --defaults')
      }
      const ports = await openManager()
      const projectNames = defaults
        ? await unusedOf(await database.defaultRanges(), ports, signal)
        : [...new Set(named)]
      if (projectNames.length === 0) return output.outcome([], 'No default range is unused.')
      await ports.deleteRanges(projectNames, { signal })
      const deleted = projectNames.map((projectName) => ({ deleted: true, projectName }))
      output.outcome(
        named.length === 1 ? deleted[0] : deleted,
        projectNames.map((projectName) => `${projectName} has no range any more.`).join('\n'),
      )
    })
}

/** The projects whose only range is still a default one, and that hold no port. */
async function unusedOf(
  defaults: readonly PortRange[],
  ports: PortManager,
  signal: AbortSignal,
): Promise<string[]> {
  const ranges = await ports.listRanges({ signal })
  const isUnused = async ({ projectName, startPort, endPort }: PortRange) => {
    const [own, ...others] = ranges.filter((range) => range.projectName === projectName)
    if (own?.startPort !== startPort || own.endPort !== endPort || others.length > 0) return false
    return (await ports.listPage({ projectName, limit: 1, signal })).total === 0
  }
  const unused = await Promise.all(
    defaults.map(async (range) => ((await isUnused(range)) ? [range.projectName] : [])),
  )
  return unused.flat()
}

const MORE_HELP = `
If one of the projects holds a port, the command is refused and deletes nothing. --defaults keeps a
default range that was resized.

Examples:
  ports range delete myapp
  ports range delete --defaults`
