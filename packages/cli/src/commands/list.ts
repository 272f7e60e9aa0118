import { Command } from '@commander-js/extra-typings'
import { isAbsent, type PortAllocation } from '@ports/core'
import type { Context } from '../Context.js'
import type { Columns } from '../table.js'

const COLUMNS: Columns<PortAllocation> = {
  PORT: ({ portNumber }) => portNumber,
  PROJECT: ({ projectName }) => projectName,
  SERVICE: ({ serviceName }) => serviceName,
  SCOPE: ({ hostname, protocol }) => `${hostname}/${protocol}`,
  STATUS: ({ status }) => status,
  TYPE: ({ serviceType }) => serviceType,
  CLOUDFLARE: ({ cloudflareHostname }) => cloudflareHostname,
  DESCRIPTION: ({ description }) => description,
}

export function listCommand({ openManager, output, signal }: Context) {
  return new Command('list')
    .description('List the ports that are held, of a project or all')
    .argument('[project]')
    .addHelpText('after', MORE_HELP)
    .action(async (projectName) => {
      const ports = await openManager()
      const allocations = isAbsent(projectName)
        ? await ports.listAll({ signal })
        : await ports.listByProject(projectName, { signal })
      if (allocations.length === 0) return output.outcome([], 'No ports are held.')
      const { table } = await import('../table.js')
      output.result(allocations, () => table(allocations, COLUMNS, output.stdout))
    })
}

const MORE_HELP = `
The status is as of the last audit: in_use where something listened then.

Example:
  ports list consilio`
